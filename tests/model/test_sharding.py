"""A model shared out between two processes: what each holds, what it learns, what it goes on from."""

import hashlib
import json
import multiprocessing
import os
import signal
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from chatwright.errors import BadParameter
from model import lightning, steps
from model.architectures import build
from model.config import ModelConfig
from model.data import in_order
from model.devices import check_strategy
from model.language_model import LanguageModel
from model.options import Training
from model.rows import Rows, write_rows
from model.sharding import part
from model.training import train
from tasks.free_port import free_port

# Odd sizes, so that the two do not hold equally much of everything.
VOCAB, CONTEXT, STEPS, FEW = 301, 16, 50, 12
SHAPE = {"hidden_size": 32, "num_layers": 2, "num_heads": 2, "intermediate_size": 75}
CHOICES: dict[str, Any] = {
    "steps": STEPS,
    "batch_size": 4,
    "seed": 1,
    "learning_rate": 0.01,
    "precision": "fp32",
    "checkpoint_seconds": 1000.0,
    "devices": 2,
    "strategy": "fsdp",
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "muon": ({}, {}),
    "adamw": ({}, {"optimizer": "adamw", "accumulate": 2}),
    "gpt2": ({"architecture": "gpt2", "tie_embeddings": False}, {"steps": FEW, "recompute": True}),
    "one layer's weights": ({"share_layers": True}, {"steps": FEW, "clip_norm": None}),
    "lstm": ({"architecture": "lstm"}, {"steps": FEW}),
}


def write(path: Path) -> Path:
    """Twelve rows of documents that are longer from row to row, so that shares count differently."""
    draw = np.random.default_rng(0)
    lengths = 5 + np.arange(12)[:, None]
    places = np.arange(CONTEXT)[None]
    write_rows(
        path,
        [
            {
                "input_ids": draw.integers(1, VOCAB, (12, 1)) + places % 10,
                "position_ids": places % lengths,
            }
        ],
    )
    return path


class Held(lightning.Callback):
    """Counts the numbers that this process holds of weights and of optimizer states."""

    weights = states = 0

    def on_train_end(self, trainer: Any, module: Any) -> None:
        self.weights = sum(part(p).numel() for p in module.model.parameters())
        self.states = sum(
            part(tensor).numel()
            for optimizer in module.torch_optimizers()
            for state in optimizer.state.values()
            for tensor in state.values()
            if tensor.dim()
        )


def learn(
    folder: Path,
    name: str,
    shape: dict[str, Any],
    choices: dict[str, Any],
    until: int | None = None,
) -> dict[str, Any]:
    """Train; ``until`` sends SIGINT to this very process after that many steps."""
    changes = {**SHAPE, **shape}
    config = ModelConfig.from_size("tiny", vocab_size=VOCAB, context_length=CONTEXT, **changes)
    model = build(config)
    model.init_weights(0)
    work = folder / name
    work.mkdir(exist_ok=True)
    rows, said, held = folder / "rows.arrow", [], Held()

    def on_progress(step: int, loss: float, speed: float) -> None:
        if step == until:
            os.kill(os.getpid(), signal.SIGINT)

    trained = train(
        model,
        Training(**{**CHOICES, **choices}),
        rows,
        work,
        # Three batches: one process has one more than the other.
        validation=list(in_order(Rows(rows), 4, 12)),
        on_progress=on_progress,
        say=said.append,
        watching=[held],
    )
    return {
        "curve": trained.curve,
        "finished": trained.finished,
        "rollbacks": trained.rollbacks,
        "said": said,
        "bytes": hash_of(model),
        "weights": held.weights,
        "states": held.states,
        "numbers": sum(p.numel() for p in model.parameters()),
    }


def hash_of(model: LanguageModel) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def be_one_of_two(rank: int, port: int, folder: Path) -> None:
    """All runs of two processes, in one pair of them."""
    try:
        (folder / f"{rank}.json").write_text(json.dumps(all_runs(rank, port, folder)), "utf-8")
    except BaseException:
        (folder / f"{rank}.failed").write_text(traceback.format_exc(), "utf-8")
        raise


def all_runs(rank: int, port: int, folder: Path) -> dict[str, dict[str, Any]]:
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        NODE_RANK="0",
        LOCAL_RANK=str(rank),
        CHATWRIGHT_PROCESSES="2",
    )
    found = {name: learn(folder, name, *case) for name, case in CASES.items()}
    for strategy in ("ddp", "fsdp"):
        few = {"steps": FEW, "precision": "bf16", "strategy": strategy}
        found[f"bf16 {strategy}"] = learn(folder, f"bf16 {strategy}", {}, few)
    me = 15 if rank == 0 else None
    found["stopped"] = learn(folder, "again", {}, {}, until=me)
    found["gone on"] = learn(folder, "again", {}, {})
    found["for one"] = learn(folder, "for one", {}, {}, until=me)
    found["ddp"] = learn(folder, "both ways", {}, {"strategy": "ddp"}, until=me)
    found["then fsdp"] = learn(folder, "both ways", {}, {}, until=me and 30)
    found["then ddp"] = learn(folder, "both ways", {}, {"strategy": "ddp"})
    found["bad step"] = with_a_bad_step(folder)
    return found


def with_a_bad_step(folder: Path) -> dict[str, Any]:
    real, calls = steps.batch_loss, 0

    def sometimes_nan(*inputs: Any, **choices: Any) -> torch.Tensor:
        nonlocal calls
        calls += torch.is_grad_enabled()
        return real(*inputs, **choices) * (float("nan") if calls == 6 else 1.0)

    steps.batch_loss = sometimes_nan  # type: ignore[assignment]
    try:
        return learn(folder, "bad step", {}, {"steps": FEW, "checkpoint_seconds": 0.0})
    finally:
        steps.batch_loss = real


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    write(folder / "rows.arrow")
    return folder


@pytest.fixture(scope="module")
def two(folder: Path) -> list[dict[str, dict[str, Any]]]:
    """What came of all runs, by process."""
    port = free_port()
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=be_one_of_two, args=(rank, port, folder)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(280)
        process.kill()
    failures = [file.read_text("utf-8") for file in sorted(folder.glob("*.failed"))]
    assert [process.exitcode for process in both] == [0, 0], "\n".join(failures)
    return [json.loads((folder / f"{rank}.json").read_text("utf-8")) for rank in (0, 1)]


@pytest.fixture(scope="module")
def one(folder: Path) -> dict[str, Any]:
    """The default run, by one process."""
    return learn(folder, "one", {}, {"devices": 1, "strategy": "ddp"})


def assert_same_curve(ours: dict[str, Any], expected: dict[str, Any], within: float) -> None:
    assert len(ours["curve"]) == len(expected["curve"]) > FEW
    for one, other in zip(ours["curve"], expected["curve"], strict=True):
        assert (one["step"], one["split"]) == (other["step"], other["split"])
        assert one["loss"] == pytest.approx(other["loss"], abs=within), (one, other)


# Losses are noted to four places, so two that are equal to 1e-4 may differ by one of the last.
WITHIN = 1.01e-4


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_that_share_a_model_have_the_loss_curve_of_one_that_has_it_all(
    two: list[dict[str, Any]], one: dict[str, Any], folder: Path, name: str
) -> None:
    shape, choices = CASES[name]
    alone = {**choices, "devices": 1, "strategy": "ddp"}
    expected = one if name == "muon" else learn(folder, f"one {name}", shape, alone)
    assert_same_curve(two[0][name], expected, WITHIN)


@pytest.mark.slow
def test_each_holds_about_half_of_the_weights_and_of_the_optimizers_states(
    two: list[dict[str, Any]], one: dict[str, Any]
) -> None:
    for what, all_of_it in (("weights", one["numbers"]), ("states", one["states"])):
        parts = [process["muon"][what] for process in two]
        assert sum(parts) == all_of_it
        assert max(parts) < 0.51 * all_of_it, what
    assert [process["bf16 ddp"]["weights"] for process in two] == [one["numbers"]] * 2


@pytest.mark.slow
def test_in_bfloat16_the_curve_is_that_of_two_that_have_it_all(two: list[dict[str, Any]]) -> None:
    assert_same_curve(two[0]["bf16 fsdp"], two[0]["bf16 ddp"], 2e-3)


@pytest.mark.slow
def test_both_have_all_weights_at_the_end(two: list[dict[str, Any]]) -> None:
    for name, first in two[0].items():
        assert first["bytes"] == two[1][name]["bytes"], name


@pytest.mark.slow
def test_one_that_was_stopped_ends_with_the_same_bytes(two: list[dict[str, Any]]) -> None:
    assert not two[0]["stopped"]["finished"] and two[0]["gone on"]["finished"]
    assert two[0]["stopped"]["bytes"] != two[0]["muon"]["bytes"]
    assert two[0]["gone on"]["bytes"] == two[0]["muon"]["bytes"]
    assert two[0]["gone on"]["curve"] == two[0]["muon"]["curve"]


@pytest.mark.slow
def test_a_checkpoint_goes_on_with_the_other_strategy_and_with_one_process(
    two: list[dict[str, Any]], one: dict[str, Any], folder: Path
) -> None:
    assert two[0]["then fsdp"]["said"] == [
        "going on from step 16 of 50",
        "it was trained with ddp and goes on with fsdp: other rounding",
    ]
    assert two[0]["then ddp"]["said"] == [
        "going on from step 31 of 50",
        "it was trained with fsdp and goes on with ddp: other rounding",
    ]
    assert_same_curve(two[0]["then ddp"], one, WITHIN)
    alone = learn(folder, "for one", {}, {"devices": 1, "strategy": "ddp"})
    assert "trained by 2 processes and goes on with 1" in alone["said"][1]
    assert_same_curve(alone, one, WITHIN)


@pytest.mark.slow
def test_a_bad_step_is_gone_back_from(two: list[dict[str, Any]]) -> None:
    run = two[0]["bad step"]
    assert run["rollbacks"] == 1 and run["finished"]
    assert run["said"] == [
        "the loss became nan at step 5: going back to step 4 and leaving out batch 4 and batch 5"
    ]


def test_sharing_out_needs_several_processes_and_no_scaled_gradients() -> None:
    choices = Training(**CHOICES)
    check_strategy(choices, 2)
    with pytest.raises(BadParameter) as alone:
        check_strategy(choices, 1)
    assert str(alone.value) == (
        "pretrain.strategy: fsdp shares a model out among several processes and there is one. "
        "Take ddp."
    )
    with pytest.raises(BadParameter, match="pretrain.precision: fp16 needs scaled gradients"):
        check_strategy(Training(**{**CHOICES, "precision": "fp16"}), 2)
