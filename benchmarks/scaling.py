"""How held-out bits per byte fall with parameters, text and repetition: the runs and the fit.

Run as ``python -m benchmarks.scaling`` in a project whose data/tokens is built. Each run of the
grid is added to docs/scaling.csv as it ends; runs that stand there are not run again, so that an
interrupted grid goes on. ``--fit`` runs nothing and prints the law and how well it foresees each
run that it was not fitted to; ``--afresh`` forgets the runs of the file first. docs/scaling.md says
what we make of it.

Notable choices: the learning rate goes to zero at the end of each run, so every budget is a run of
its own, not a point on a longer one's curve. Some runs see only the first part of the training
rows, several times: what repeated text is worth shows there at little cost. Everything else is as
in params.yaml. The held-out text is what pretraining validates on.
"""

import argparse
import csv
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from model.rows import Rows, write_rows
from model.scaling import FEWEST_POINTS, fit_scaling_law
from model.tokenizer import ChatTokenizer
from tasks.corpus_figures import corpus_figures
from tasks.fitted_runs import POINTS, is_fitted, read_runs, scaling_point
from tasks.params import load_params
from tasks.params_training import ModelParams
from tasks.pretrain import pretrain

TOKENS, TOKENIZER = Path("data/tokens"), Path("artifacts/tokenizer")


@dataclass(frozen=True)
class Planned:
    """A run of the grid: its shape, its budget, and how much of the corpus it sees (1: all)."""

    size: Literal["tiny", "small"]
    hidden_size: int
    num_layers: int
    budget: int
    part: float = 1.0

    def stands_in(self, row: Mapping[str, float]) -> bool:
        """Whether a row of the file is this run."""
        return all(
            row[name] == getattr(self, name)
            for name in ("hidden_size", "num_layers", "budget", "part")
        )


GRID = [
    *(Planned("tiny", 64, 3, budget) for budget in (100_000, 200_000, 400_000, 800_000)),
    *(Planned("tiny", 128, 3, budget) for budget in (100_000, 200_000, 400_000, 800_000)),
    *(Planned("tiny", 128, 3, budget, 1 / 8) for budget in (200_000, 400_000, 800_000)),
    *(Planned("small", 256, 3, budget) for budget in (100_000, 200_000, 400_000)),
    Planned("small", 256, 3, 400_000, 1 / 4),
    *(Planned("small", 192, 3, budget) for budget in (200_000, 400_000)),
    Planned("tiny", 128, 6, 300_000),
    Planned("small", 256, 3, 800_000),
    Planned("tiny", 128, 3, 400_000, 1 / 4),
    Planned("tiny", 64, 3, 400_000, 1 / 8),
    Planned("small", 256, 3, 800_000, 1 / 2),
    Planned("tiny", 64, 3, 1_800_000),
    Planned("tiny", 128, 3, 1_800_000),
    Planned("small", 256, 3, 1_800_000),
]


def run_one(planned: Planned, folder: Path) -> dict[str, float]:
    """Train it in an empty folder; its row of the file."""
    params, tokens = load_params(), folder / "tokens"
    tokens.mkdir()
    train = Rows(TOKENS / "train.arrow")
    first = train.take(range(int(len(train) * planned.part)))
    write_rows(tokens / "train.arrow", [{name: rows.numpy() for name, rows in first.items()}])
    (tokens / "validation.arrow").symlink_to((TOKENS / "validation.arrow").resolve())
    (folder / "work").mkdir()
    model = params.model.model_dump() | {
        "size": planned.size,
        "hidden_size": planned.hidden_size,
        "num_layers": planned.num_layers,
    }
    report = pretrain(
        tokens,
        TOKENIZER,
        folder / "base",
        folder / "work",
        params.pretrain.model_copy(update={"tokens": planned.budget}),
        ModelParams.model_validate(model),
        params.seed,
    ).report
    ids = ChatTokenizer.load(TOKENIZER)
    figures = corpus_figures(tokens, ids)
    if figures is None or report.validation_loss is None:
        raise SystemExit("There is no held-out text: raise preprocess.validation_share.")
    return {
        "hidden_size": planned.hidden_size,
        "num_layers": planned.num_layers,
        "budget": planned.budget,
        "part": planned.part,
        "parameters": report.parameters,
        "parameters_without_embeddings": report.parameters - ids.vocab_size * planned.hidden_size,
        "tokens": report.tokens,
        "unique_tokens": figures.tokens,
        "bytes_per_token": round(figures.bytes_per_token, 4),
        "unigram_bits_per_byte": round(figures.unigram_bits_per_byte, 4),
        "bits_per_byte": round(figures.bits_per_byte(report.validation_loss), 4),
        "seconds": report.seconds,
    }


def add_row(row: Mapping[str, float]) -> None:
    """Write a run to the file's end; the first one with the names of the columns above it."""
    new = not POINTS.exists()
    with open(POINTS, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def print_fit(runs: list[dict[str, float]]) -> None:
    """The law, and each run beside what the law fitted to all the others says of it."""
    rows = [row for row in runs if is_fitted(row)]
    if len(rows) <= FEWEST_POINTS:
        raise SystemExit(f"{len(rows)} runs are too few to fit to and to leave one out.")
    points = [scaling_point(row) for row in rows]
    table = Table(title="each run, and what the others foresee of it", title_justify="left")
    for column in ("wide", "layers", "tokens", "times seen", "bits per byte", "foreseen", "off"):
        table.add_column(column, justify="right")
    errors = []
    for number, (row, point) in enumerate(zip(rows, points, strict=True)):
        others = fit_scaling_law(points[:number] + points[number + 1 :])
        foreseen = others.loss(point.parameters, point.seen_bytes, point.unique_bytes)
        errors.append(abs(foreseen / point.loss - 1))
        table.add_row(
            f"{row['hidden_size']:.0f}",
            f"{row['num_layers']:.0f}",
            f"{row['tokens']:,.0f}",
            f"{row['tokens'] / row['unique_tokens']:.2f}",
            f"{point.loss:.3f}",
            f"{foreseen:.3f}",
            f"{foreseen / point.loss - 1:+.1%}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"off by {sum(errors) / len(errors):.1%} on average, {max(errors):.1%} at most")
    for row in runs:
        if not is_fitted(row):
            console.print(
                f"not fitted: {row['hidden_size']:.0f} wide, text seen "
                f"{row['tokens'] / row['unique_tokens']:.1f} times, {row['bits_per_byte']:.3f}"
            )
    law = fit_scaling_law(points)
    console.print(
        f"L = {law.floor:.3f} + {law.size_factor:.3g} / N^{law.size_exponent:.3f} "
        f"+ {law.data_factor:.3g} / D'^{law.data_exponent:.3f}, "
        f"r = {law.repetitions:.2f} (U / 1 MB)^{law.wear_exponent:.2f}",
        soft_wrap=True,
    )


def main() -> None:
    """Run what is missing and print the fit."""
    parser = argparse.ArgumentParser(description="The runs and the fit of docs/scaling.csv")
    parser.add_argument("--fit", action="store_true", help="only fit")
    parser.add_argument("--afresh", action="store_true", help="forget the runs of the file first")
    arguments = parser.parse_args()
    if arguments.afresh and not arguments.fit:
        POINTS.unlink(missing_ok=True)
    for planned in [] if arguments.fit else GRID:
        if POINTS.exists() and any(map(planned.stands_in, read_runs())):
            continue
        print(planned, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            add_row(run_one(planned, Path(folder)))
    print_fit(read_runs())


if __name__ == "__main__":
    main()
