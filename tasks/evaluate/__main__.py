"""The stage ``evaluate``: every model on held-out text, the assistant as served on questions.

Runs as ``python -m tasks.evaluate``. The report (``reports/evaluate.json``) holds all scores; what
each one means is explained in docs/evaluation.md.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from model.hf import load_pretrained
from model.tokenizer import ChatTokenizer
from serving.assistant import Assistant
from tasks.documents import Document, FolderTexts, read_documents
from tasks.evaluate import floors
from tasks.evaluate.assistant import SetScores, ask, served, set_scores
from tasks.evaluate.chart import MEASURES, draw_chart
from tasks.evaluate.language_model import bits_per_byte
from tasks.evaluate.question_sets import (
    QuestionSet,
    generated_set,
    read_questions,
    written_set,
)
from tasks.params import EvaluateParams
from tasks.progress import Progress, silent
from tasks.stage import Stage
from tasks.thinning import thinned

SPLITS = ("train", "validation", "test")
SAMPLES = (("en", "need"), ("zh", "name"))
"""The kinds of question whose first one is shown with its reply, before a greeting."""
GREETING = "你好"


class TextScore(BaseModel):
    """A model or a floor on the held-out text; perplexity only where it predicts tokens."""

    model_config = ConfigDict(frozen=True)

    bits_per_byte: float
    perplexity: float | None = None


class HeldOut(BaseModel):
    """The text that models and floors were measured on; ``tokens`` counts the end of each."""

    model_config = ConfigDict(frozen=True)

    documents: int
    bytes: int
    tokens: int


class Sample(BaseModel):
    """An exchange with the assistant as served, and the titles of what it cited."""

    model_config = ConfigDict(frozen=True)

    question: str
    reply: str
    citations: list[str]


class EvaluateReport(BaseModel):
    """All scores of a build."""

    model_config = ConfigDict(frozen=True)

    language_model: dict[str, TextScore]
    held_out: HeldOut
    questions: dict[str, SetScores]
    samples: list[Sample]


def evaluate(
    clean: Path,
    models: Mapping[str, Path],
    index: Path,
    questions: Path,
    params: EvaluateParams,
    *,
    progress: Progress = silent,
    log: Callable[[str], None] = lambda line: None,
) -> EvaluateReport:
    """Measure a build.

    Args:
        clean: the corpus, with its splits.
        models: folders by name; the one called "compressed" is served for the questions.
        index: what the served assistant looks things up in.
        questions: the file of questions written by hand.
        log: takes a line about each part as it is done.

    Raises:
        MissingInput, BadInput: a file of the above is missing or broken; it is named.
        CorpusTooSmall: the test split holds no text.
    """
    written = read_questions(questions)  # first, so that a broken file costs no time
    asked = {  # reads all of the corpus, so that a broken one costs little time either
        "written": written_set(written, _corpus(clean)),
        "generated": generated_set(
            read_documents(clean / "test"), _corpus(clean), params.generated_questions
        ),
    }
    texts = [document.text for document in thinned(clean / "test", params.held_out_bytes)]
    on_text, held_out = _on_text(models, FolderTexts(clean / "train"), texts, progress, log)
    with served(models["compressed"], index) as assistant:
        answered = {}
        for name, question_set in asked.items():
            answered[name] = set_scores(assistant, question_set, progress=naming(progress, name))
            log(_questions_line(name, answered[name]))
        shown = [*sample_questions(*asked.values()), GREETING]
        samples = [_sample(assistant, question) for question in shown]
    return EvaluateReport(
        language_model=on_text, held_out=held_out, questions=answered, samples=samples
    )


def _corpus(clean: Path) -> Iterator[Document]:
    """All documents, one at a time."""
    return chain.from_iterable(read_documents(clean / name) for name in SPLITS)


def naming(progress: Progress, part: str) -> Progress:
    """Progress that says which part it is of, so that the time left is that part's own."""

    def named(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
        progress(done, total, f"{unit} ({part})", **figures)

    return named


def _on_text(
    models: Mapping[str, Path],
    training: FolderTexts,
    texts: Sequence[str],
    progress: Progress,
    log: Callable[[str], None],
) -> tuple[dict[str, TextScore], HeldOut]:
    """The floors and the models on the same held-out texts."""
    scores = {}
    for name, folder in models.items():
        model, tokenizer = load_pretrained(folder), ChatTokenizer.load(folder)
        score = bits_per_byte(model, tokenizer, texts, progress=naming(progress, name))
        scores[name] = TextScore(bits_per_byte=score.bits_per_byte, perplexity=score.perplexity)
        log(f"{name}: {score.bits_per_byte:.3f} bits per byte")
    # The models share a tokenizer, so that any of them serves for the counts.
    count = floors.unigram(tokenizer, training, texts)
    scores["unigram"] = TextScore(bits_per_byte=count.bits_per_byte, perplexity=count.perplexity)
    scores["xz"] = TextScore(bits_per_byte=floors.xz(training, texts))
    log(
        f"floors: unigram {scores['unigram'].bits_per_byte:.3f},"
        f" xz {scores['xz'].bits_per_byte:.3f} bits per byte"
    )
    return scores, HeldOut(documents=len(texts), bytes=count.bytes, tokens=count.tokens)


def sample_questions(*sets: QuestionSet) -> list[str]:
    """Questions to show with their replies: of each kind the first that this corpus can answer, or
    the first of any kind where there is none."""
    answerable = [one for each in sets for one in each.questions if one.documents]
    shown: list[str] = []
    for kind in SAMPLES:
        left = [one for one in answerable if one.question not in shown]
        of_kind = [one for one in left if (one.lang, one.style) == kind]
        shown += [one.question for one in (of_kind or left)[:1]]
    return shown


def _sample(assistant: Assistant, question: str) -> Sample:
    reply = ask(assistant, question)
    titles = [citation.title for citation in reply.citations]
    return Sample(question=question, reply=reply.text, citations=titles)


def _questions_line(name: str, scores: SetScores) -> str:
    line = f"{scores.all.questions} {name} questions"
    if scores.all.right_first is not None:
        line += f": right document first {scores.all.right_first:.0%}"
    if scores.left_out:
        line += f" ({scores.left_out} left out, their documents are not in this corpus)"
    return line


def sample_text(samples: Sequence[Sample]) -> str:
    """The exchanges as Markdown."""
    return "\n".join(
        f"**{sample.question}**\n\n{sample.reply}\n"
        + (f"\n*{', '.join(sample.citations)}*\n" if sample.citations else "")
        for sample in samples
    )


def main() -> None:
    """Run the stage in the current folder."""
    with Stage("evaluate") as stage:
        params = stage.params.evaluate
        report = evaluate(
            stage.input("data/clean"),
            {
                "base": stage.input("artifacts/base"),
                "chat": stage.input("artifacts/chat"),
                "compressed": stage.input("artifacts/compressed") / stage.params.compress.recipe,
            },
            stage.input("artifacts/index"),
            stage.input(params.questions),
            params,
            progress=stage.progress,
            log=stage.log,
        )
        tree: dict[str, Any] = report.model_dump(mode="json", exclude_none=True)
        stage.report(tree)
        stage.plot(
            "bits_per_byte",
            [
                {"model": name, "bits_per_byte": score["bits_per_byte"]}
                for name, score in tree["language_model"].items()
            ],
        )
        stage.plot(
            "questions",
            [
                {"questions": f"{name}, {group}", "measure": label, "share": scores[measure]}
                for name, asked in tree["questions"].items()
                for group, scores in asked["groups"].items()
                for measure, label in MEASURES.items()
                if measure in scores
            ],
        )
        stage.text("samples.md", sample_text(report.samples))
        with tempfile.TemporaryDirectory(prefix="chatwright-") as folder:
            chart = Path(folder) / "evaluation.png"
            draw_chart(tree, chart)
            stage.figure(chart)


if __name__ == "__main__":
    main()
