"""The memory that training was said to take, beside what it took, for a few shapes.

Run as ``python -m benchmarks.memory``; each shape trains a few steps on random tokens, in a process
of its own, because memory that was once taken is not given back. Takes about a minute on two cores;
docs/scaling.md has the figures.
"""

import multiprocessing
import resource
import sys
import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from model.config import ModelConfig
from model.options import Training
from tasks.forecast import forecast
from tasks.trial import pace_of_steps

SHAPES = [  # width, layers, rows, context, vocabulary
    (128, 3, 8, 256, 4096),
    (256, 3, 8, 256, 4096),
    (256, 3, 32, 256, 4096),
    (256, 6, 8, 1024, 4096),
    (512, 8, 8, 256, 16_384),
    (768, 4, 4, 512, 32_768),
]
STEPS = 4


def said_and_taken(shape: tuple[int, ...], precision: str) -> tuple[int, int]:
    """Bytes: the forecast, and the process's peak (with a GPU: the allocator's)."""
    width, layers, rows, context, vocabulary = shape
    config = ModelConfig.from_size(
        "small",
        vocab_size=vocabulary,
        context_length=context,
        hidden_size=width,
        num_layers=layers,
    )
    options = Training(
        steps=STEPS,
        batch_size=rows,
        seed=1,
        learning_rate=1e-3,
        precision=precision,  # type: ignore[arg-type]
    )
    said = forecast(config, options).memory_bytes
    with tempfile.TemporaryDirectory() as folder:
        pace_of_steps(config, options, None, Path(folder))
    if torch.cuda.is_available():
        return said, torch.cuda.max_memory_allocated()
    # Kilobytes, but bytes on a Mac.
    unit = 1 if sys.platform == "darwin" else 1024
    return said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Print the table."""
    table = Table(title="memory", title_justify="left")
    for column in ("wide", "layers", "rows", "context", "vocabulary", "precision"):
        table.add_column(column, justify="right")
    for column in ("said, GB", "taken, GB", "off"):
        table.add_column(column, justify="right")
    fresh = multiprocessing.get_context("spawn")
    for shape in SHAPES:
        for precision in ("fp32", "bf16"):
            with fresh.Pool(1) as pool:
                said, taken = pool.apply(said_and_taken, (shape, precision))
            table.add_row(
                *(f"{number:,}" for number in shape),
                precision,
                f"{said / 1e9:.2f}",
                f"{taken / 1e9:.2f}",
                f"{said / taken - 1:+.0%}",
            )
    Console().print(table)


if __name__ == "__main__":
    main()
