"""Timing the first steps tells a pace and leaves what is learnt as it is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model import pace
from model.config import ModelConfig
from model.options import Training
from model.pace import FirstSteps, Pace, pace_of
from model.rows import write_rows
from model.training import train
from model.transformer import Transformer

CONFIG = ModelConfig.from_size(
    "tiny", vocab_size=64, context_length=16, hidden_size=16, num_layers=1, num_heads=2, dropout=0.1
)
OPTIONS = Training(steps=20, batch_size=2, seed=1, learning_rate=1e-2, precision="fp32")


def run(folder: Path, *watching: FirstSteps) -> tuple[Transformer, int]:
    """The trained model, and the step it came to."""
    folder.mkdir()
    ids = np.arange(8 * 16, dtype=np.int32).reshape(8, 16) % 64
    positions = np.tile(np.arange(16, dtype=np.int32), (8, 1))
    write_rows(folder / "rows.arrow", [{"input_ids": ids, "position_ids": positions}])
    model = Transformer(CONFIG)
    model.init_weights(1)
    reached = []
    train(
        model,
        OPTIONS,
        folder / "rows.arrow",
        folder,
        on_progress=lambda step, loss, speed: reached.append(step),
        watching=watching,
    )
    return model, reached[-1]


def test_a_watched_run_learns_the_same(tmp_path: Path) -> None:
    measured: list[Pace] = []
    plain, _ = run(tmp_path / "a")
    watched, steps = run(tmp_path / "b", FirstSteps(measured.append))
    assert steps == 20 and len(measured) == 1
    # It takes twelve seconds or all steps, and these are quick ones; half of them warmed up.
    assert measured[0].steps == 10
    assert 0 < measured[0].low <= measured[0].seconds <= measured[0].high
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, watched.state_dict()[name]), name


def test_where_only_the_pace_is_wanted_the_run_ends_with_it(tmp_path: Path) -> None:
    measured: list[Pace] = []
    run(tmp_path / "a", FirstSteps(measured.append, stop=True, least_seconds=0.0))
    assert measured[0].steps == pace.FEWEST_STEPS
    assert not list((tmp_path / "a").glob("step-000000020*"))


@pytest.mark.parametrize(
    ("seconds", "median"),
    [
        ([9.0, 9.0, 9.0, 2.0, 1.0, 3.0], 2.0),  # the first half is left out
        ([9.0, 4.0], 4.0),
        ([5.0], 5.0),  # the only one counts
        ([9.0, 9.0, 9.0, *[1.0] * 9, 50.0], 1.0),  # one step that validated
    ],
)
def test_the_pace_is_the_median_of_warm_steps(seconds: list[float], median: float) -> None:
    assert pace_of(seconds).seconds == median
