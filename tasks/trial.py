"""A few steps of a training, run to see how long they take, and thrown away."""

from pathlib import Path

import numpy as np

from model.config import ModelConfig
from model.options import Training
from model.pace import FirstSteps, Pace
from model.rows import Rows, write_rows
from model.training import train
from model.transformer import Transformer

SECONDS, MOST_SECONDS = 3.0, 8.0
"""To measure for, the second where steps are slow; a forecast should not be waited for, and nothing
else has just been started that would be in the way."""


def pace_of_steps(config: ModelConfig, options: Training, rows: Path | None, folder: Path) -> Pace:
    """The pace of training on this machine, by the code that trains.

    Args:
        rows: to train on; None, or too few for a batch: random tokens, a document a row.
        folder: an empty one for what training writes; the caller removes it.
    """
    if rows is None or len(Rows(rows)) < options.batch_size:
        rows = folder / "random.arrow"
        write_rows(rows, [random_rows(config, options.batch_size)])
    model = Transformer(config)
    model.init_weights(options.seed, zero_outputs=True)
    measured: list[Pace] = []
    watch = FirstSteps(measured.append, stop=True, least_seconds=SECONDS, most_seconds=MOST_SECONDS)
    train(model, options, rows, folder, watching=[watch])
    return measured[0]


def random_rows(config: ModelConfig, count: int) -> dict[str, np.ndarray]:
    """Rows of random tokens, each a single document."""
    size = (count, config.context_length)
    ids = np.random.default_rng(0).integers(0, config.vocab_size, size, np.int32)
    positions = np.arange(config.context_length, dtype=np.int32)
    return {"input_ids": ids, "position_ids": np.broadcast_to(positions, size).copy()}
