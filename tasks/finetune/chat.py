"""Chat SFT: conversations in the tokenizer's template, the loss on the assistant's words only.

Notable choices: ``<|im_end|>`` counts among those words, so that the model learns to stop; a part
of the tokens is documents once more, whole, so that it does not forget them; a
conversation longer than a row is cut at its end; rows are packed, trained on and resumed as in
pretraining. Of a large corpus a part is learnt from, chosen by hash, that is more than fills the
run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.language_model import LanguageModel
from model.tokenizer import ChatTokenizer
from model.training import train
from tasks.finetune.conversations import (
    INTRODUCTION_SHARE,
    Conversation,
    Marked,
    document_questions,
    introductions,
    mixture,
    small_talk,
    without_evaluated,
)
from tasks.forecast import Forecasted, RunForecast, forecast
from tasks.pack import write_packed
from tasks.params_training import FinetuneParams
from tasks.preprocess.evaluation_sets import read_evaluation_set
from tasks.progress import Progress, silent
from tasks.thinning import thinned, thinned_dialogues
from tasks.training import course, progress_in_tokens, training_options

MOST_BYTES = 64 << 20
"""Of documents, and of dialogues, that are held to choose from; with what is asked about them they
take several times so much. As text they are 16 million tokens, 40 times the default run."""

MOST_BYTES_A_TOKEN = 16
"""Of a longer run, which is to find as much to choose from: text has a token in 4 bytes, and what
is asked about a document of 2,500 bytes one in 10 of them."""

SAMPLE_QUESTIONS = ("hello", "how are you?", "你好", "你是谁？", "Tell me a joke")
SAMPLE_TOKENS = 60


class FinetuneReport(BaseModel):
    """The run in numbers; the loss in nats a token of the assistant.

    ``skipped_batches`` were left out in so many ``rollbacks`` after bad steps. ``evaluation_text``:
    dialogues that were left out because they hold text of an evaluation set, by set. All counts are
    of the part of the corpus that the run chooses from, which is all of it up to ``MOST_BYTES``.
    """

    conversations: int
    documents_questions: int
    small_talk: int
    tokens: int
    steps: int
    loss: float
    tokens_per_second: float
    seconds: float
    skipped_batches: int
    rollbacks: int
    forecast: Forecasted
    evaluation_text: dict[str, int]


@dataclass(frozen=True)
class Finetuned:
    """The report, and what the model answers."""

    report: FinetuneReport
    samples: str


def finetune(
    documents: Path,
    dialogues: Path,
    base: Path,
    out: Path,
    work: Path,
    params: FinetuneParams,
    seed: int,
    *,
    evaluated: Sequence[Path] = (),
    context_length: int | None = None,
    progress: Progress = silent,
    metrics: Callable[[Mapping[str, float], int], None] = lambda values, step: None,
    say: Callable[[str], None] = print,
) -> Finetuned:
    """Teach a base model to chat and write it as a Hugging Face folder.

    Args:
        documents: the folder of clean training documents.
        dialogues: the folder of dialogues.
        base: the base model's folder, with its tokenizer.
        out: the folder to write to.
        work: a folder of this very run, where its rows and checkpoints are.
        evaluated: files of evaluation sets, whose text no dialogue may hold.
        context_length: tokens of a row; None, or more than the model has: as many as it has.
        metrics: takes points of the learning curve.
        say: takes a line for the user.

    Raises:
        BadParameter: a choice cannot be had here; the loss went wrong for the third time.
        NotEnoughMemory: the rows of a step do not fit.
        BadInput, MissingInput: an evaluation set cannot be read.
        KeyboardInterrupt: the user stopped the run; a checkpoint has been written.
    """
    ids = ChatTokenizer.load(base)
    model = load_pretrained(base)
    most = model.config.context_length
    context_length = min(context_length or most, most)
    shape = replace(model.config, context_length=context_length)
    most_bytes = max(MOST_BYTES, MOST_BYTES_A_TOKEN * params.tokens)
    corpus = thinned(documents, most_bytes)
    asked = document_questions(corpus)
    stay, cost = without_evaluated(
        thinned_dialogues(dialogues, most_bytes), [read_evaluation_set(path) for path in evaluated]
    )
    talk = small_talk(stay)
    for name, number in cost.items():
        say(f"dialogues that hold evaluation text of {name}, left out: {number:,}")

    def encode(text: Conversation | str) -> Marked:
        if isinstance(text, str):  # as in pretraining: all of it, up to its end, is learnt
            tokens = [ids.end_of_text_id, *ids.encode(text), ids.end_of_text_id]
            return tokens[:context_length], [False, *[True] * (len(tokens) - 1)][:context_length]
        tokens, written = ids.chat_ids_and_replies(text)
        return tokens[:context_length], written[:context_length]

    share, again = params.small_talk_share, params.documents_share
    chosen = mixture(
        [
            (again, [document.text for document in corpus]),
            ((1 - again) * share * INTRODUCTION_SHARE, introductions()),
            ((1 - again) * share * (1 - INTRODUCTION_SHARE), talk),
            ((1 - again) * (1 - share), asked),
        ],
        params.tokens,
        encode,
        seed,
    )
    packed = write_packed(work / "rows.arrow", chosen, context_length, ids.end_of_text_id)
    options = training_options(
        params,
        context_length,
        seed,
        batch_size=min(params.batch_size, packed.rows),
        learning_rate=params.learning_rate,
        section="finetune",
    )
    step_tokens = options.batch_size * context_length
    expected = RunForecast(forecast(shape, options), options, shape, 0, work, say)
    trained = train(
        model,
        options,
        work / "rows.arrow",
        work,
        on_progress=progress_in_tokens(progress, options.steps, step_tokens),
        on_point=lambda point: metrics({"train_loss": point["loss"]}, point["step"]),
        say=say,
        watching=expected.watching(),
    )
    if not trained.finished:
        raise KeyboardInterrupt
    model.eval()
    save_pretrained(model, out, base)
    figures = course(trained)
    del figures["validation_loss"]
    report = FinetuneReport(
        conversations=len(chosen),
        documents_questions=len(asked),
        small_talk=len(talk),
        tokens=options.steps * step_tokens,
        steps=options.steps,
        forecast=expected.compared(trained.seconds),
        evaluation_text=cost,
        **figures,
    )
    return Finetuned(report, samples(model, ids))


def samples(model: LanguageModel, ids: ChatTokenizer) -> str:
    """What the model answers to a few greetings, by itself, as Markdown."""
    return "\n".join(f"- **{q}** {reply(model, ids, q)}" for q in SAMPLE_QUESTIONS) + "\n"


def reply(model: LanguageModel, ids: ChatTokenizer, question: str) -> str:
    """The model's likeliest answer to one question."""
    prompt = ids.chat_ids([{"role": "user", "content": question}])
    made = generate(
        model,
        prompt,
        max_new_tokens=min(SAMPLE_TOKENS, model.config.context_length - len(prompt)),
        stop_ids=(ids.end_of_turn_id, ids.end_of_text_id),
    )
    return ids.decode(list(made)).strip()
