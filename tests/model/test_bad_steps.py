"""A loss that is no number, or leaps: seen at its step, undone, left out, told of."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from chatwright.errors import BadParameter
from model.config import ModelConfig
from model.guard import BadStep, Guard
from model.options import Training
from model.rows import write_rows
from model.training import Trained, train
from model.transformer import Transformer

VOCAB, CONTEXT, ROWS, BATCH = 60, 16, 48, 2
POISON = 59


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """48 rows that count upwards, one of which holds a token that no other has."""
    ids = np.arange(ROWS)[:, None] % 30 + np.arange(CONTEXT)
    ids[23, 8] = POISON  # of the eleventh batch of the first epoch, as they are drawn
    positions = np.tile(np.arange(CONTEXT), (ROWS, 1))
    write_rows(tmp_path / "rows.arrow", [{"input_ids": ids, "position_ids": positions}])
    return tmp_path / "rows.arrow"


def poisoned(value: float = float("nan")) -> Transformer:
    """A model that makes nothing of that token; its scores have vectors of their own."""
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=VOCAB,
        context_length=CONTEXT,
        hidden_size=32,
        num_layers=1,
        num_heads=2,
        dropout=0.1,
        tie_embeddings=False,
    )
    model = Transformer(config)
    model.init_weights(0)
    with torch.no_grad():
        model.model.embed_tokens.weight[POISON] = value
    return model


def run(
    rows: Path, folder: Path, steps: int = 24, *, until: int | None = None, **choices: object
) -> tuple[Transformer, Trained, list[str]]:
    folder.mkdir(exist_ok=True)
    model, said = poisoned(), []
    options = Training(
        **{
            "steps": steps,
            "batch_size": BATCH,
            "seed": 1,
            "learning_rate": 0.01,
            "checkpoint_seconds": 0.0,
        }
        | choices  # type: ignore[arg-type]
    )

    def on_progress(step: int, loss: float, speed: float) -> None:
        if step == until:
            os.kill(os.getpid(), signal.SIGINT)

    return (
        model,
        train(model, options, rows, folder, on_progress=on_progress, say=said.append),
        said,
    )


def weights(model: Transformer) -> list[torch.Tensor]:
    """All but the vector that was bad from the first."""
    found = dict(model.named_parameters())
    embeddings = found.pop("model.embed_tokens.weight")
    return [*found.values(), embeddings[:POISON]]


def is_same(one: Transformer, other: Transformer) -> bool:
    return all(map(torch.equal, weights(one), weights(other)))


def test_a_batch_that_makes_the_loss_nan_is_left_out_with_the_one_before_it(
    rows: Path, tmp_path: Path
) -> None:
    model, trained, said = run(rows, tmp_path / "work")
    assert trained.finished and trained.steps == 24
    assert trained.rollbacks == 1 and trained.skipped_batches == 2
    assert all(weight.isfinite().all() for weight in weights(model))
    assert all(np.isfinite(point["loss"]) for point in trained.curve)
    assert said == [
        "the loss became nan at step 10: going back to step 9 and leaving out batch 9 and batch 10"
    ]


def test_the_curve_has_each_step_once(rows: Path, tmp_path: Path) -> None:
    _, trained, _ = run(rows, tmp_path / "work")
    assert [point["step"] for point in trained.curve] == list(range(1, 25))


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1000.0])
def test_the_weights_do_not_hang_on_when_checkpoints_are_written(
    rows: Path, tmp_path: Path, checkpoint_seconds: float
) -> None:
    often, _, _ = run(rows, tmp_path / "often")
    other, _, said = run(rows, tmp_path / "other", checkpoint_seconds=checkpoint_seconds)
    assert is_same(often, other)
    assert ("going back to step 0 " in said[0]) is (checkpoint_seconds == 1000)


@pytest.mark.parametrize("until", [1, 23])
def test_a_run_that_went_back_resumes_exactly_before_and_after(
    rows: Path, tmp_path: Path, until: int
) -> None:
    whole, unbroken, _ = run(rows, tmp_path / "whole")
    _, stopped, _ = run(rows, tmp_path / "parts", until=until)
    assert not stopped.finished and stopped.rollbacks == (until > 1)
    resumed, continued, _ = run(rows, tmp_path / "parts")
    assert is_same(whole, resumed)
    assert continued.curve == unbroken.curve
    assert (continued.rollbacks, continued.skipped_batches) == (1, 2)


def test_the_third_time_the_run_ends_and_says_what_to_change(rows: Path, tmp_path: Path) -> None:
    # Four epochs: the bad row comes four times.
    with pytest.raises(BadParameter) as error:
        run(rows, tmp_path / "work", steps=96, section="finetune")
    said = str(error.value)
    assert said.startswith("finetune.learning_rate: the loss became nan at step ")
    assert "the third bad step of this run. Try a third of the learning rate." in said


def test_bad_steps_one_after_the_other_always_have_a_checkpoint_to_go_back_to(
    rows: Path, tmp_path: Path
) -> None:
    model, said = poisoned(), []
    with torch.no_grad():
        model.model.embed_tokens.weight[:] = float("nan")
    options = Training(steps=5, batch_size=2, seed=1, learning_rate=0.01, checkpoint_seconds=0)
    with pytest.raises(BadParameter, match="at step 0, which is the third bad step"):
        train(model, options, rows, tmp_path, say=said.append)
    assert [line.split("leaving out ")[1] for line in said] == ["batch 0", "batch 1"]


def test_in_parts_a_bad_batch_is_found_too(rows: Path, tmp_path: Path) -> None:
    model, trained, _ = run(rows, tmp_path / "work", accumulate=2)
    assert trained.rollbacks == 1
    assert all(weight.isfinite().all() for weight in weights(model))


def judged(guard: Guard, *losses: float) -> None:
    for step, loss in enumerate(losses):
        guard.watch(step, torch.tensor(loss), torch.tensor(1.0))


def test_a_loss_above_so_many_times_its_recent_average_is_a_leap() -> None:
    guard = Guard(3.0)
    judged(guard, *[2.0] * 60, 5.9)
    # The average of 49 times 2 and once 5.9 is 2.078; three times that is 6.23.
    judged(guard, 6.2)
    with pytest.raises(BadStep, match="leapt from about 2.16 to 6.5"):
        judged(guard, 6.5)


@pytest.mark.parametrize(
    ("factor", "losses"),
    [
        (None, [2.0] * 20 + [2000.0]),  # not wanted
        (3.0, [0.01] * 20 + [2.9]),  # learnt by heart: small losses differ by large factors
        (3.0, [8.0, 8.0, 25.0]),  # too few to compare with
    ],
)
def test_what_is_no_leap(factor: float | None, losses: list[float]) -> None:
    judged(Guard(factor), *losses)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_bad_from_the_first_step_on(value: float) -> None:
    with pytest.raises(BadStep, match="the loss became"):
        judged(Guard(None), value)
    with pytest.raises(BadStep, match="the gradient became"):
        Guard(None).watch(0, torch.tensor(1.0), torch.tensor(value))


def test_a_continued_guard_judges_as_the_one_that_was_not_broken_off() -> None:
    first, second = Guard(3.0), Guard(3.0)
    judged(first, *[1.5 + step / 100 for step in range(70)])
    second.load_notes(first.notes())
    assert second.notes() == first.notes()
    for guard in (first, second):
        with pytest.raises(BadStep, match="leapt"):
            judged(guard, 6.0)
