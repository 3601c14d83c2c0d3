"""Training: the loss, going on after an end that nobody planned, and what goes wrong."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from chatwright.errors import BadParameter
from model import objectives
from model.checkpoint import save_checkpoint
from model.config import ModelConfig
from model.data import in_order
from model.objectives import next_token_loss
from model.optim import optimizers
from model.options import Training
from model.rows import Rows, write_rows
from model.training import Trained, train
from model.transformer import Transformer

VOCAB, CONTEXT = 300, 16


def make_model(dropout: float = 0.0) -> Transformer:
    model = Transformer(
        ModelConfig.from_size(
            "tiny",
            vocab_size=VOCAB,
            context_length=CONTEXT,
            hidden_size=32,
            num_layers=2,
            num_heads=2,
            dropout=dropout,
        )
    )
    model.init_weights(0)
    return model


def options(steps: int = 8, **choices: object) -> Training:
    return Training(
        **{
            "steps": steps,
            "batch_size": 4,
            "seed": 1,
            "learning_rate": 0.01,
            "checkpoint_seconds": 0.0,
            **choices,
        }  # type: ignore[arg-type]
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twelve rows of two documents each, that count upwards."""
    path = tmp_path / "rows.arrow"
    starts = np.arange(12)[:, None] * 7
    write_rows(
        path,
        [
            {
                "input_ids": starts + np.arange(CONTEXT) % 10,
                "position_ids": np.tile(np.arange(CONTEXT) % 10, (12, 1)),
            }
        ],
    )
    return path


def run(
    rows: Path, folder: Path, choices: Training, *, dropout: float = 0.0, until: int | None = None
) -> tuple[Transformer, Trained]:
    """Train; ``until`` sends SIGINT to this very process after that many steps."""
    folder.mkdir(exist_ok=True)
    model = make_model(dropout)

    def on_progress(step: int, loss: float, speed: float) -> None:
        if step == until:
            os.kill(os.getpid(), signal.SIGINT)

    validation = list(in_order(Rows(rows), 4, 4))
    trained = train(model, choices, rows, folder, validation=validation, on_progress=on_progress)
    return model, trained


def weights(model: Transformer) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in model.parameters()]


def is_same(one: Transformer, other: Transformer) -> bool:
    return all(map(torch.equal, weights(one), weights(other)))


@pytest.mark.parametrize("pieces", [512, 7])
def test_the_loss_and_its_gradient_are_those_of_torchs_cross_entropy(
    rows: Path, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectives, "PIECE_TOKENS", pieces)
    batch = Rows(rows).take(range(5))
    ours, theirs = make_model(), make_model()
    loss = next_token_loss(ours, **batch)
    (2 * loss).backward()
    # Row by row and document by document: positions 1 to 9 and 11 to 15 are predicted.
    scores = theirs(batch["input_ids"], batch["position_ids"])
    predicted = [place for place in range(1, CONTEXT) if place != 10]
    expected = F.cross_entropy(
        scores[:, [place - 1 for place in predicted]].flatten(0, 1),
        batch["input_ids"][:, predicted].flatten().long(),
    )
    (2 * expected).backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


def test_only_the_assistants_words_count_where_a_chat_marks_them(rows: Path) -> None:
    batch = Rows(rows).take(range(2))
    is_answer = torch.zeros_like(batch["input_ids"])
    is_answer[0, 4:6] = 1
    loss = next_token_loss(make_model(), **batch, is_answer=is_answer)
    scores = make_model()(batch["input_ids"], batch["position_ids"])
    expected = F.cross_entropy(scores[0, 3:5], batch["input_ids"][0, 4:6].long())
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_batch_without_a_word_to_learn_changes_nothing(rows: Path) -> None:
    batch = Rows(rows).take(range(2))
    model = make_model()
    loss = next_token_loss(model, **batch, is_answer=torch.zeros_like(batch["input_ids"]))
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_training_learns_what_is_there_to_learn(rows: Path, tmp_path: Path, optimizer: str) -> None:
    _, trained = run(rows, tmp_path / "work", options(steps=60, optimizer=optimizer))
    # The next number is always one more; only a document's second token needs a guess.
    losses = {
        split: [p["loss"] for p in trained.curve if p["split"] == split]
        for split in ("train", "validation")
    }
    assert losses["train"][0] > 5
    assert losses["train"][-1] < 1.5
    assert losses["validation"][-1] < 1.5
    assert [p["tokens"] for p in trained.curve if p["split"] == "train"][-1] == 60 * 4 * CONTEXT


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_with_the_same_weights(
    rows: Path, tmp_path: Path, precision: str
) -> None:
    choices = options(precision=precision)
    whole, unbroken = run(rows, tmp_path / "whole", choices, dropout=0.2)
    _, stopped = run(rows, tmp_path / "parts", choices, dropout=0.2, until=3)
    assert not stopped.finished
    resumed, continued = run(rows, tmp_path / "parts", choices, dropout=0.2)
    assert continued.finished
    assert is_same(whole, resumed)
    assert continued.curve == unbroken.curve


def test_a_damaged_last_checkpoint_is_passed_over_loudly_for_the_one_before(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, _ = run(rows, tmp_path / "whole", options())
    run(rows, tmp_path / "parts", options(), until=5)
    last = sorted((tmp_path / "parts").glob("step-*"))[-1]
    data = bytearray(last.read_bytes())
    data[-5] ^= 1
    last.write_bytes(data)
    resumed, _ = run(rows, tmp_path / "parts", options())
    said = capsys.readouterr().out
    assert f"{last} is damaged" in said and "going on from step 4 of 8" in said
    assert is_same(whole, resumed)


def test_all_checkpoints_damaged_is_a_start_from_the_beginning(rows: Path, tmp_path: Path) -> None:
    whole, _ = run(rows, tmp_path / "whole", options())
    run(rows, tmp_path / "parts", options(), until=5)
    for path in (tmp_path / "parts").glob("step-*"):
        path.write_bytes(path.read_bytes()[:1000])
    resumed, _ = run(rows, tmp_path / "parts", options())
    assert is_same(whole, resumed)


def test_a_checkpoint_of_the_same_state_has_the_same_bytes(rows: Path, tmp_path: Path) -> None:
    names = []
    for name in ("a", "b", "c", "d"):
        (tmp_path / name).mkdir()
        model = make_model()
        made = optimizers(model, algorithm="muon", learning_rate=0.01, weight_decay=0.1)
        next_token_loss(model, **Rows(rows).take(range(2))).backward()
        for optimizer in made:
            optimizer.step()
        torch.manual_seed(3)
        names.append(save_checkpoint(tmp_path / name, 1, model, made, {"points": []}).name)
    assert len(set(names)) == 1


def test_two_checkpoints_are_kept(rows: Path, tmp_path: Path) -> None:
    run(rows, tmp_path / "work", options())
    names = sorted(path.name for path in (tmp_path / "work").iterdir())
    assert [name[:14] for name in names] == ["step-000000007", "step-000000008"]


def test_a_full_disk_leaves_the_last_checkpoint_and_nothing_half_written(
    rows: Path, tmp_path: Path, small_disk: Callable[[Path, str], None]
) -> None:
    whole, _ = run(rows, tmp_path / "whole", options())
    folder = tmp_path / "parts"
    folder.mkdir()
    small_disk(folder, "8m")
    # Room for two checkpoints and no more.
    one = (tmp_path / "whole").joinpath(os.listdir(tmp_path / "whole")[0]).stat().st_size
    (folder / "filling").write_bytes(bytes(8 * 2**20 - int(2.5 * one)))
    with pytest.raises(OSError, match="No space left"):
        run(rows, folder, options())
    left = sorted(path.name[:14] for path in folder.iterdir() if path.name != "filling")
    assert left == ["step-000000001", "step-000000002"]
    (folder / "filling").unlink()
    resumed, _ = run(rows, folder, options())
    assert is_same(whole, resumed)


def test_a_finished_run_started_again_has_its_weights_at_once(rows: Path, tmp_path: Path) -> None:
    whole, first = run(rows, tmp_path / "work", options())
    again, second = run(rows, tmp_path / "work", options())
    assert is_same(whole, again)
    assert second.finished and second.curve == first.curve


def test_a_loss_that_is_never_a_number_ends_the_run_with_a_remedy_and_no_bad_checkpoint(
    rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    model = make_model()
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    with pytest.raises(BadParameter, match="the loss became nan.*a third of the learning rate"):
        train(model, options(), rows, tmp_path / "work")
    assert [p.name[:14] for p in (tmp_path / "work").glob("step-*")] == ["step-000000000"]


def test_the_handlers_of_signals_are_given_back(rows: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(rows, tmp_path / "work", options(), until=2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_second_ctrl_c_interrupts_at_once(rows: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()

    def press_twice(step: int, loss: float, speed: float) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(make_model(), options(), rows, tmp_path / "work", on_progress=press_twice)
    finally:
        signal.signal(signal.SIGINT, before)
