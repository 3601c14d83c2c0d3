"""``chatwright plan``: what training will take, before anything is built.

A few steps of each training are run, by the code that trains, with the shapes that it will have,
in a folder that is gone afterwards; nothing of the project is changed. Where the rows of the
corpus are not there yet, or would be others, they are made of random tokens.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from chatwright.commands.parameters import chosen_params
from chatwright.errors import MissingInput
from model.config import ModelConfig
from tasks.params import Params, load_params

if TYPE_CHECKING:  # these take seconds to import; a wrong choice is refused before that
    from model.options import Training
    from tasks.corpus_figures import CorpusFigures
    from tasks.fitted_runs import FittedRuns
    from tasks.forecast import Forecast

STAND_IN_VOCABULARY = 4096
TOKENS, TOKENIZER = Path("data/tokens"), Path("artifacts/tokenizer")


@dataclass(frozen=True)
class Ground:
    """What a plan stands on: the corpus as packed, or what stands in for it."""

    vocab_size: int
    corpus: "CorpusFigures | None"
    train_rows: Path | None
    validation_rows: int


def plan(preset: str | None, settings: list[str]) -> None:
    """Print the forecast of both trainings, with parameters changed as ``run`` would.

    Raises:
        MissingInput: this folder is no project, or a parameter names what is not there.
        BadParameter: a preset or setting cannot be used, or the sizes do not fit each other.
    """
    if not Path("dvc.yaml").exists():
        raise MissingInput(
            str(Path.cwd()), "there is no dvc.yaml", "Go to the folder of your Chatwright project"
        )
    params = chosen_params(preset, settings)
    shape_of(params, vocab_size_of(params))  # refused before anything slow
    from tasks.fitted_runs import fitted_runs
    from tasks.forecast import forecast
    from tasks.pretrain_options import devices_here

    processes = devices_here(params.pretrain, params.model).processes
    ground = ground_of(params)
    # What a masked token costs says nothing of bits per byte.
    foreseen = params.pretrain.objective == "causal" and params.model.init == "random"
    runs = fitted_runs() if foreseen else None
    config = shape_of(params, ground.vocab_size)
    pretraining, finetuning = both(params)
    without_time = (
        forecast(config, pretraining, corpus=ground.corpus, runs=runs, processes=processes),
        forecast(config, finetuning),
    )
    console = Console(highlight=False)
    console.print("Measuring some steps of each training ...")
    first = with_seconds(
        without_time[0], config, pretraining, ground.train_rows, ground.validation_rows, processes
    )
    second = with_seconds(without_time[1], config, finetuning, ground.train_rows, 0)
    console.print(table({"pretrain": first, "finetune": second}))
    if processes > 1:
        console.print(
            f"Memory and a step are of one of {processes} processes, without what they send each "
            "other.",
            soft_wrap=True,
        )
    for line in remarks(config, pretraining, first, ground, runs):
        console.print(line, soft_wrap=True)


def shape_of(params: Params, vocab_size: int) -> ModelConfig:
    """The model that the parameters ask for.

    Raises:
        BadParameter: the sizes do not fit each other.
    """
    from tasks.initial import initial_config

    context_length = params.pack.context_length
    config = initial_config(params.model, vocab_size=vocab_size, context_length=context_length)
    return replace(config, context_length=context_length)


def vocab_size_of(params: Params) -> int:
    """That of the tokenizer, or what stands in for it until the corpus has chosen."""
    return params.tokenizer.vocab_size or STAND_IN_VOCABULARY


def ground_of(params: Params) -> Ground:
    """The corpus on disk, if it is the one that these parameters ask for."""
    # The stages up to pack are those whose choices decide what the rows are.
    there = load_params()
    same = all(
        getattr(params, section) == getattr(there, section)
        for section in ("seed", "ingest", "preprocess", "tokenizer", "pack")
    )
    if not same or not (TOKENS / "train.arrow").exists() or not TOKENIZER.exists():
        return Ground(vocab_size_of(params), None, None, 0)
    from model.rows import Rows
    from model.tokenizer import ChatTokenizer
    from tasks.corpus_figures import corpus_figures

    ids = ChatTokenizer.load(TOKENIZER)
    return Ground(
        ids.vocab_size,
        corpus_figures(TOKENS, ids),
        TOKENS / "train.arrow",
        len(Rows(TOKENS / "validation.arrow")),
    )


def both(params: Params) -> "tuple[Training, Training]":
    """The choices of pretraining and of fine-tuning."""
    from tasks.pretrain_options import pretraining_options
    from tasks.training import training_options

    rows = params.pretrain.batch_size
    return (
        pretraining_options(
            params.pretrain,
            params.model,
            params.pack.context_length,
            params.seed,
            batch_size=None if rows == "auto" else rows,
        ),
        training_options(
            params.finetune,
            params.pack.context_length,
            params.seed,
            batch_size=params.finetune.batch_size,
            learning_rate=params.finetune.learning_rate,
            section="finetune",
        ),
    )


def with_seconds(
    expected: "Forecast",
    config: ModelConfig,
    options: "Training",
    rows: Path | None,
    validation_rows: int,
    processes: int = 1,
) -> "Forecast":
    """The forecast with its time, from steps that are run for it: the share of one process."""
    from model.callbacks import VALIDATION_POINTS
    from tasks.pretrain import VALIDATION_ROWS
    from tasks.trial import pace_of_steps

    batches = -(-min(validation_rows, VALIDATION_ROWS) // options.batch_size)
    with tempfile.TemporaryDirectory(prefix="chatwright-plan-") as folder:
        share = replace(
            options,
            batch_size=-(-options.batch_size // processes),
            devices=1,
            num_nodes=1,
            strategy="ddp",
        )
        pace = pace_of_steps(config, share, rows, Path(folder))
    return expected.at_pace(pace, options, config, VALIDATION_POINTS * batches)


def table(forecasts: "dict[str, Forecast]") -> Table:
    """A column a training."""
    from tasks.forecast import amount, time_text

    made = Table(title="What training takes", title_justify="left")
    made.add_column("")
    for stage in forecasts:
        made.add_column(stage, justify="right")
    each = list(forecasts.values())
    made.add_row("parameters", *(amount(one.parameters).strip() for one in each))
    made.add_row("tokens", *(amount(one.tokens).strip() for one in each))
    made.add_row("FLOP", *(amount(one.operations).strip() for one in each))
    made.add_row("memory", *(f"{one.memory_bytes / 1e9:.2g} GB" for one in each))
    made.add_row("a step", *(f"{one.step_seconds[0]:.3g} s" for one in each))
    made.add_row("time", *(time_text(one.seconds or 0.0) for one in each))
    made.add_row(
        "bits per byte",
        *("" if one.bits_per_byte is None else f"{one.bits_per_byte:.2f}" for one in each),
    )
    return made


def remarks(
    config: ModelConfig,
    options: "Training",
    expected: "Forecast",
    ground: Ground,
    runs: "FittedRuns | None",
) -> list[str]:
    """What the table cannot say: how sure each figure is, and what it stands on."""
    from tasks.fitted_runs import POINTS

    low, high = (seconds / expected.step_seconds[0] - 1 for seconds in expected.step_seconds[1:])
    lines = [
        f"{config.hidden_size} wide, {config.num_layers} layers, vocabulary {config.vocab_size:,}, "
        f"context {config.context_length:,}; {options.steps:,} steps of {options.batch_size} rows",
        f"Time: from steps run here just now, nine in ten within {low:+.0%} to {high:+.0%}. "
        "Other work on this machine makes it longer.",
    ]
    if options.objective != "causal":
        lines.append("Bits per byte: only of a model that writes (pretrain.objective: causal).")
    elif runs is None:
        lines.append(f"Bits per byte: there is no {POINTS} to say them from.")
    elif expected.is_a_guess:
        lines.append(f"Bits per byte: a guess, far from the runs in {POINTS}.")
    if ground.corpus is not None:
        lines.append(f"The corpus is seen {expected.tokens / ground.corpus.tokens:.1f} times.")
    elif runs is not None:
        lines.append(
            "The corpus is not packed with these choices yet: steps were taken on random tokens, "
            "and bits per byte are those of the default corpus."
        )
    return lines
