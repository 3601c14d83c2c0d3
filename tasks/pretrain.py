"""The pretrain stage: a base model from rows of tokens.

Notable choices: the budget is in tokens, so that the same choices give the same model on any
machine; a checkpoint every half minute lets a killed run go on where it was; the loss on held-out
rows is measured eight times, so that learning by heart shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from chatwright.errors import CorpusTooSmall
from model.callbacks import VALIDATION_POINTS
from model.data import in_order
from model.generation import generate
from model.hf import save_pretrained
from model.hub import RANDOM, weights_folder
from model.language_model import LanguageModel
from model.masking import Masking
from model.rows import Rows
from model.tokenizer import ChatTokenizer
from model.training import train
from tasks.corpus_figures import corpus_figures
from tasks.fitted_runs import fitted_runs
from tasks.forecast import Forecasted, RunForecast, forecast
from tasks.initial import check_ids, initial_config, initial_model
from tasks.params_training import ModelParams, PretrainParams
from tasks.pretrain_options import (
    batch_size_once,
    check_sides,
    devices_here,
    pretraining_options,
)
from tasks.progress import Progress, silent
from tasks.ranks import (
    Others,
    is_another_rank,
    stage_of_many,
)
from tasks.training import course, progress_in_tokens

Metrics = Callable[[Mapping[str, float], int], None]

SAMPLES = 4
SAMPLE_TOKENS = 60
PROMPT_TOKENS = 8
VALIDATION_ROWS = 64


class PretrainReport(BaseModel):
    """The run in numbers; losses in nats a token, ``epochs`` how often a row was seen.

    ``skipped_batches`` were left out in so many ``rollbacks`` after bad steps; ``stopped_early``
    says that validation did not become better.
    """

    parameters: int
    tokens: int
    epochs: float
    steps: int
    batch_size: int
    loss: float
    validation_loss: float | None
    tokens_per_second: float
    seconds: float
    skipped_batches: int
    rollbacks: int
    stopped_early: bool
    forecast: Forecasted


@dataclass(frozen=True)
class Pretrained:
    """The report, the learning curve's points and what the model writes."""

    report: PretrainReport
    curve: list[dict[str, Any]]
    samples: str


def pretrain(
    tokens: Path,
    tokenizer: Path,
    out: Path,
    work: Path,
    params: PretrainParams,
    model_params: ModelParams,
    seed: int,
    *,
    progress: Progress = silent,
    metrics: Metrics = lambda values, step: None,
    say: Callable[[str], None] = print,
    on_trained: Callable[[], None] = lambda: None,
) -> Pretrained:
    """Train a model and write it as a Hugging Face folder.

    Args:
        tokens: the folder that the pack stage wrote.
        tokenizer: the folder that the tokenizer stage wrote.
        out: the folder to write to.
        work: a folder of this very run, where its checkpoints are; a run that was killed goes on
            from the last.
        metrics: takes points of the learning curve.
        say: takes a line for the user.
        on_trained: called after the last step, before anything is written to ``out``.

    Raises:
        CorpusTooSmall: there are fewer rows than one batch takes.
        BadParameter: choices do not fit each other, or cannot be had here; the loss went wrong for
            the third time.
        NotEnoughMemory: the rows of a step do not fit.
        KeyboardInterrupt: the user stopped the run; a checkpoint has been written.
    """
    processes = devices_here(params, model_params).processes
    rows = Rows(tokens / "train.arrow")
    ids = ChatTokenizer.load(tokenizer)
    config = initial_config(
        model_params, vocab_size=ids.vocab_size, context_length=rows.context_length
    )
    check_ids(tokens / "train.arrow", rows, ids.vocab_size)
    # What a step is made of: a checkpoint may take far more tokens than a row holds.
    shape = replace(config, context_length=rows.context_length)
    check_sides(params.objective, config.architecture)
    masking = None
    if ids.mask_id is not None:
        masking = Masking.of(ids.mask_id, ids.special_ids, config.vocab_size)
    options = pretraining_options(
        params,
        model_params,
        rows.context_length,
        seed,
        batch_size=(
            batch_size_once(params, shape, len(rows), masking, seed, work, say, processes)
            if params.batch_size == "auto"
            else params.batch_size
        ),
    )
    if len(rows) < options.batch_size:
        missing = (options.batch_size - len(rows)) * rows.context_length
        raise CorpusTooSmall(
            str(tokens / "train.arrow"),
            f"it holds {len(rows):,} rows and one batch takes {options.batch_size:,}: "
            f"about {missing:,} tokens are missing",
            "Put more text into corpus/, or lower pretrain.batch_size",
        )
    model = initial_model(model_params, config, seed)
    step_tokens = options.batch_size * rows.context_length
    validation = whole_batches(Rows(tokens / "validation.arrow"), options.batch_size)
    # What a masked token costs says nothing of bits per byte, nor does the law know old weights.
    foreseen = params.objective == "causal" and model_params.init == RANDOM
    figures = corpus_figures(tokens, ids) if foreseen else None
    expected = RunForecast(
        forecast(
            shape,
            options,
            corpus=figures,
            runs=fitted_runs() if figures else None,
            processes=processes,
        ),
        options,
        shape,
        VALIDATION_POINTS * len(validation),
        work,
        say,
    )
    trained = train(
        model,
        options,
        tokens / "train.arrow",
        work,
        validation=validation,
        masking=masking,
        on_progress=progress_in_tokens(progress, options.steps, step_tokens),
        on_point=lambda point: metrics({f"{point['split']}_loss": point["loss"]}, point["step"]),
        say=say,
        # One process writes down what it foresees.
        watching=[] if is_another_rank() else expected.watching(),
    )
    if not trained.finished:
        raise KeyboardInterrupt
    on_trained()
    model.eval()
    save_pretrained(model, out, tokenizer)
    ended = course(trained)
    report = PretrainReport(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        tokens=trained.steps * step_tokens,
        epochs=round(trained.steps * options.batch_size / len(rows), 2),
        steps=trained.steps,
        batch_size=options.batch_size,
        stopped_early=trained.stopped_early,
        forecast=expected.compared(
            None if trained.stopped_early else trained.seconds,
            figures.bits_per_byte(ended["validation_loss"]) if figures else None,
        ),
        **ended,
    )
    return Pretrained(report, trained.curve, samples(model, ids, Rows(tokens / "validation.arrow")))


def whole_batches(rows: Rows, batch_size: int) -> list[dict[str, Any]]:
    """Batches for validation, of the shape that training has (oneDNN compiles for each shape).

    Fewer rows than a batch make one smaller batch; none make none.
    """
    most = min(len(rows), VALIDATION_ROWS)
    return list(in_order(rows, batch_size, most - most % batch_size or most)) if most else []


def samples(model: LanguageModel, ids: ChatTokenizer, rows: Rows) -> str:
    """How the model goes on from the first words of held-out documents, as Markdown."""
    written = []
    for row in range(min(SAMPLES, len(rows))):
        prompt = rows.take([row])["input_ids"][0, :PROMPT_TOKENS].tolist()
        made = generate(
            model,
            prompt,
            max_new_tokens=min(SAMPLE_TOKENS, model.config.context_length - PROMPT_TOKENS),
            temperature=0.7,
            top_p=0.95,
            stop_ids=(ids.end_of_text_id,),
            seed=row,
        )
        written.append(f"**{ids.decode(prompt).strip()}**{ids.decode(list(made))}")
    return "\n\n---\n\n".join(written) + "\n"


def main() -> None:
    """Run the stage."""
    with stage_of_many("pretrain") as stage:
        devices = devices_here(stage.params.pretrain, stage.params.model)
        tokens, tokenizer = stage.input("data/tokens"), stage.input("artifacts/tokenizer")
        params = stage.params
        decides = {
            "seed": params.seed,
            "model": params.model.model_dump(mode="json"),
            # How often to save changes nothing of what is saved, and other devices go on with it.
            "pretrain": params.pretrain.model_dump(
                mode="json", exclude={"checkpoint_seconds", "devices", "num_nodes", "strategy"}
            ),
        }
        init = params.model.init
        start = [] if init == RANDOM else sorted(weights_folder(init).glob("*.safetensors"))
        with Others(stage, devices.per_node) as others:
            result = pretrain(
                tokens,
                tokenizer,
                stage.output("artifacts/base"),
                stage.work(tokens, tokenizer, *start, params=decides),
                params.pretrain,
                params.model,
                params.seed,
                progress=stage.progress,
                metrics=stage.metrics,
                say=stage.log,
                on_trained=others.leave_the_rest_to_the_first,
            )
        stage.plot("learning_curve", result.curve)
        stage.text("samples.md", result.samples)
        stage.report(result.report)


if __name__ == "__main__":
    main()
