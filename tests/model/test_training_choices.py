"""The choices of a training run: each does what it says, or is refused with a sentence."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from chatwright.errors import BadParameter
from model.config import ModelConfig
from model.data import in_order
from model.masking import Masking
from model.objectives import batch_loss
from model.options import Training
from model.rows import Rows, write_rows
from model.training import Trained, train
from model.transformer import Transformer

ROOT = Path(__file__).resolve().parents[2]
VOCAB, CONTEXT = 300, 16
MASKING = Masking.of(3, [0, 1, 2], VOCAB)


def make_model() -> Transformer:
    model = Transformer(
        ModelConfig.from_size(
            "tiny",
            vocab_size=VOCAB,
            context_length=CONTEXT,
            hidden_size=32,
            num_layers=2,
            num_heads=2,
        )
    )
    model.init_weights(0)
    return model


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twelve rows that count upwards, in documents of different lengths, with filling."""
    positions = np.tile(np.arange(CONTEXT), (12, 1))
    for row in range(12):
        positions[row, 16 - row :] = 0
    ids = np.where(positions > 0, np.arange(12)[:, None] * 7 + np.arange(CONTEXT) + 4, 0)
    write_rows(tmp_path / "rows.arrow", [{"input_ids": ids, "position_ids": positions}])
    return tmp_path / "rows.arrow"


def run(
    rows: Path, folder: Path, *, until: int | None = None, **choices: object
) -> tuple[Transformer, Trained, list[str]]:
    """Train; ``until`` sends SIGINT to this very process after that many steps."""
    folder.mkdir(exist_ok=True)
    model, said = make_model(), []
    options = Training(
        **{
            "steps": 8,
            "batch_size": 4,
            "seed": 1,
            "learning_rate": 0.01,
            "precision": "fp32",
            "checkpoint_seconds": 1000.0,
        }
        | choices  # type: ignore[arg-type]
    )

    def on_progress(step: int, loss: float, speed: float) -> None:
        if step == until:
            os.kill(os.getpid(), signal.SIGINT)

    trained = train(
        model,
        options,
        rows,
        folder,
        validation=list(in_order(Rows(rows), 4, 8)),
        masking=MASKING,
        on_progress=on_progress,
        say=said.append,
    )
    return model, trained, said


def difference(one: Transformer, other: Transformer) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize("objective", ["causal", "masked"])
@pytest.mark.parametrize("parts", [2, 3, 4])
def test_a_batch_in_parts_ends_with_the_weights_of_the_batch_at_once(
    rows: Path, tmp_path: Path, parts: int, objective: str
) -> None:
    # AdamW, whose step hangs on the gradient smoothly where it is not near nothing; the rows have
    # one to fifteen tokens that count, so that a mean of means would be another thing.
    choices = {"optimizer": "adamw", "objective": objective, "learning_rate": 0.001}
    whole, one, _ = run(rows, tmp_path / "whole", **choices)
    split, other, _ = run(rows, tmp_path / "parts", accumulate=parts, **choices)
    assert difference(whole, make_model()) > 1e-3
    assert difference(whole, split) < 2e-5
    for a, b in zip(one.curve, other.curve, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], abs=2e-4)


@pytest.mark.parametrize("objective", ["masked", "mixed"])
def test_masked_and_mixed_learn_what_there_is_to_learn_and_resume_exactly(
    rows: Path, tmp_path: Path, objective: str
) -> None:
    model, trained, _ = run(rows, tmp_path / "a", steps=150, objective=objective)
    losses = [point["loss"] for point in trained.curve if point["split"] == "validation"]
    assert losses[-1] < 0.6 * losses[0]
    _, stopped, _ = run(rows, tmp_path / "b", steps=150, objective=objective, until=70)
    assert not stopped.finished
    again, continued, _ = run(rows, tmp_path / "b", steps=150, objective=objective)
    assert difference(model, again) == 0 and continued.curve == trained.curve


@pytest.mark.parametrize(
    "choices",
    [
        {"schedule": "wsd"},
        {"schedule": "step"},
        {"schedule": "exponential"},
        {"clip_norm": None},
        {"clip_norm": 0.05},
        {"label_smoothing": 0.2},
        {"objective": "masked"},
    ],
)
def test_each_choice_makes_a_difference_and_the_same_one_each_time(
    rows: Path, tmp_path: Path, choices: dict[str, object]
) -> None:
    plain, _, _ = run(rows, tmp_path / "plain", optimizer="adamw")
    one, _, _ = run(rows, tmp_path / "one", optimizer="adamw", **choices)
    same, _, _ = run(rows, tmp_path / "same", optimizer="adamw", **choices)
    assert difference(plain, one) > 0 and difference(one, same) == 0


def test_layers_computed_twice_give_the_same_weights(rows: Path, tmp_path: Path) -> None:
    plain, _, _ = run(rows, tmp_path / "plain")
    again, _, _ = run(rows, tmp_path / "again", recompute=True)
    assert difference(plain, again) < 1e-6
    assert again.recompute_layers


def test_layers_computed_twice_keep_less(rows: Path) -> None:
    kept = []
    for recompute in (False, True):
        model = make_model().train()
        model.recompute_layers = recompute
        sizes: list[int] = []

        def keep(tensor: torch.Tensor, sizes: list[int] = sizes) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            batch_loss(model, Rows(rows).take(range(12)))
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 2


def test_a_run_that_validation_ends_says_so_and_stays_ended(rows: Path, tmp_path: Path) -> None:
    # Steps so small that the loss, to four places, is what it was.
    choices = {"steps": 80, "patience": 2, "learning_rate": 1e-9, "optimizer": "adamw"}
    model, trained, said = run(rows, tmp_path / "work", **choices)
    losses = [point["loss"] for point in trained.curve if point["split"] == "validation"]
    assert trained.finished and trained.stopped_early and trained.steps == 30
    assert len(losses) == 3
    assert any("has not become better 2 times" in line for line in said)
    again, second, _ = run(rows, tmp_path / "work", **choices)
    assert difference(model, again) == 0
    assert second.stopped_early and second.steps == trained.steps


def test_patience_that_is_not_used_up_changes_nothing(rows: Path, tmp_path: Path) -> None:
    plain, _, _ = run(rows, tmp_path / "plain")
    patient, trained, _ = run(rows, tmp_path / "patient", patience=8)
    assert difference(plain, patient) == 0 and not trained.stopped_early


@pytest.mark.parametrize(
    ("choices", "given", "sentence"),
    [
        (
            {"optimizer": "sgd"},
            {},
            "pretrain.optimizer: there is no 'sgd'. Take one of muon, adamw.",
        ),
        (
            {"schedule": "up"},
            {},
            "pretrain.schedule: there is no 'up'. Take one of linear, cosine, step",
        ),
        ({"accumulate": 5}, {}, "pretrain.accumulate: 4 rows cannot be split into 5 parts. Take 4"),
        (
            {"objective": "masked"},
            {"masking": None},
            "pretrain.objective: masked needs a mask token",
        ),
        ({"objective": "mixed"}, {"masking": None}, "pretrain.objective: mixed needs a mask token"),
        ({"patience": 1}, {"validation": []}, "pretrain.patience: there is no validation text"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_read(
    tmp_path: Path, choices: dict[str, object], given: dict[str, object], sentence: str
) -> None:
    options = Training(**{"steps": 2, "batch_size": 4, "seed": 1, "learning_rate": 0.01} | choices)  # type: ignore[arg-type]
    given = {"masking": MASKING, "validation": [{}]} | given
    with pytest.raises(BadParameter) as error:
        train(make_model(), options, tmp_path / "none.arrow", tmp_path, **given)  # type: ignore[arg-type]
    assert sentence in str(error.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="where there is a GPU there is float16")
def test_float16_is_refused_where_there_is_no_gpu(tmp_path: Path) -> None:
    options = Training(steps=2, batch_size=4, seed=1, learning_rate=0.01, precision="fp16")
    with pytest.raises(BadParameter, match="pretrain.precision: fp16 needs a GPU and this machine"):
        train(make_model(), options, tmp_path / "none.arrow", tmp_path)


def test_without_a_compiler_compiling_is_a_warning(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _, _ = run(rows, tmp_path / "plain")
    monkeypatch.setenv("CXX", "no-such-compiler")
    model, _, said = run(rows, tmp_path / "work", compile=True)
    assert said == [
        "compile needs the C++ compiler no-such-compiler and there is none: going on without"
    ]
    assert difference(plain, model) == 0


@pytest.mark.slow
def test_a_compiled_model_ends_close_to_one_that_is_not_and_its_code_is_kept(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    choices = {"optimizer": "adamw", "learning_rate": 0.001}
    plain, _, _ = run(rows, tmp_path / "plain", **choices)
    made, _, said = run(rows, tmp_path / "work", compile=True, **choices)
    assert not said
    assert difference(plain, made) < 1e-4
    assert list((tmp_path / "cache").rglob("*.so"))
    assert "states" not in vars(made), "the model is as it was"


HUNGRY = """
import resource, sys
from pathlib import Path
import psutil, torch
from model.config import ModelConfig
from model.options import Training
from model.training import train
from model.transformer import Transformer

model = Transformer(ModelConfig.from_size(
    "tiny", vocab_size=300, context_length=16, hidden_size=32, num_layers=2, num_heads=2))
model.init_weights(0)
options = Training(steps=2, batch_size=200_000, accumulate=2, seed=1, learning_rate=0.01)
taken = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (taken + 900_000_000,) * 2)
train(model, options, Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_out_of_memory_says_what_to_lower_and_to_what(rows: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY, str(rows), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "chatwright.errors.NotEnoughMemory: pretrain.batch_size: 100000 rows at a time do not fit "
        "into memory. Set pretrain.accumulate to 4: 50000 rows at a time, and the same result; "
        "or lower pretrain.batch_size to 100000."
    )
