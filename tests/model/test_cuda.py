"""What only a GPU does: its kernels, its precisions, its memory. Skipped where there is none.

The other tests do not see GPUs; these are run with
``CUDA_VISIBLE_DEVICES=0 python -m pytest -m "" tests/model/test_cuda.py``.
"""

import copy
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.architectures import build
from model.attention import attention_mask
from model.batch_size import largest_batch
from model.config import ModelConfig
from model.data import in_order
from model.document_attention import Borders
from model.generation import generate
from model.language_model import LanguageModel
from model.masking import Masking
from model.objectives import batch_loss
from model.options import Training
from model.placing import placed
from model.rows import Rows, write_rows
from model.training import Trained, train

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="CUDA_VISIBLE_DEVICES names no GPU, or there is none"
)

VOCAB, CONTEXT = 512, 128
GPU = torch.device("cuda")
MASKING = Masking.of(3, [0, 1, 2, 3], VOCAB)


def new_model(architecture: str = "qwen3", **changes: Any) -> LanguageModel:
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=VOCAB,
        context_length=CONTEXT,
        architecture=architecture,  # type: ignore[arg-type]
        **{"hidden_size": 64, "num_heads": 4, "num_layers": 2, **changes},
    )
    model = build(config)
    model.init_weights(0, std=0.1)
    return model


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """48 rows of documents of many lengths, counting on from a random number; filling at the end."""
    draw = np.random.default_rng(0)
    ids, positions = np.zeros((2, 48, CONTEXT), np.int32)
    for row in range(48):
        place = 0
        while place < CONTEXT - 9:
            length = int(draw.integers(1, CONTEXT - place))
            ids[row, place : place + length] = 4 + (draw.integers(400) + np.arange(length)) % 400
            positions[row, place : place + length] = np.arange(length)
            place += length
    path = tmp_path / "rows.arrow"
    write_rows(path, [{"input_ids": ids, "position_ids": positions}])
    return path


def loss_and_gradients(
    model: LanguageModel, batch: dict[str, torch.Tensor], device: torch.device, dtype: torch.dtype
) -> tuple[float, list[torch.Tensor]]:
    model = copy.deepcopy(model).to(device).train()
    with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        loss = batch_loss(model, placed(batch, device))
    loss.backward()
    return loss.item(), [p.grad.cpu() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("objective", ["causal", "masked"])
@pytest.mark.parametrize(
    ("architecture", "changes"),
    [("qwen3", {"num_key_value_heads": 4}), ("qwen3", {"num_key_value_heads": 2}), ("gpt2", {})],
)
def test_packed_rows_have_the_loss_and_the_gradient_that_a_processor_finds(
    rows: Path, architecture: str, changes: dict[str, int], objective: str
) -> None:
    model = new_model(architecture, **changes)
    batch = Rows(rows).take(range(16))
    if objective == "masked":
        batch = MASKING.masked(batch, 0, 0)
    exact, wanted = loss_and_gradients(model, batch, torch.device("cpu"), torch.float32)
    same, found = loss_and_gradients(model, batch, GPU, torch.float32)
    assert same == pytest.approx(exact, rel=1e-4)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-2)
    # In 16 bits another kernel reads the documents.
    near, rough = loss_and_gradients(model, batch, GPU, torch.bfloat16)
    assert near == pytest.approx(exact, rel=5e-3)
    for one, other in zip(rough, wanted, strict=True):
        assert torch.cosine_similarity(one.flatten(), other.flatten(), 0) > 0.99


def test_the_kernel_for_documents_looks_at_none_but_a_tokens_own(rows: Path) -> None:
    model = new_model().to(GPU)
    batch = placed(Rows(rows).take([0]), GPU)
    starts = (batch["position_ids"][0] == 0).nonzero().flatten().tolist()
    second = starts[1]
    mask = attention_mask(
        batch["input_ids"], batch["position_ids"], True, torch.bfloat16, model.config.head_dim
    )
    assert isinstance(mask, Borders)
    with torch.autocast("cuda", torch.bfloat16), torch.no_grad():
        before = model.hidden(batch["input_ids"], batch["position_ids"])
        batch["input_ids"][0, :second] += 7
        after = model.hidden(batch["input_ids"], batch["position_ids"])
    assert torch.equal(before[0, second:], after[0, second:])
    assert not torch.equal(before[0, :second], after[0, :second])


def learn(
    rows: Path, folder: Path, *, until: int | None = None, size: Any = None, **choices: Any
) -> tuple[LanguageModel, Trained]:
    """Train on the GPU; ``until`` sends SIGINT to this very process after that many steps."""
    folder.mkdir(exist_ok=True)
    model = new_model(**(size or {}))

    def on_progress(step: int, loss: float, speed: float) -> None:
        if step == until:
            os.kill(os.getpid(), signal.SIGINT)

    options: dict[str, Any] = {
        "steps": 60,
        "batch_size": 8,
        "seed": 1,
        "learning_rate": 0.003,
        "precision": "bf16",
        "checkpoint_seconds": 1000.0,
        **choices,
    }
    trained = train(
        model,
        Training(**options),
        rows,
        folder,
        validation=list(in_order(Rows(rows), 4, 8)),
        masking=MASKING,
        on_progress=on_progress,
    )
    return model, trained


def last_loss(trained: Trained) -> float:
    return [point["loss"] for point in trained.curve if point["split"] == "validation"][-1]


@pytest.mark.parametrize(
    "choices",
    [
        {"precision": "fp32"},
        {"precision": "bf16"},
        {"precision": "fp16"},
        {"precision": "bf16", "optimizer": "adamw", "objective": "mixed", "accumulate": 2},
        {"precision": "bf16", "compile": True},
    ],
)
def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    rows: Path, tmp_path: Path, choices: dict[str, Any]
) -> None:
    dropout = {"dropout": 0.1}
    whole, _ = learn(rows, tmp_path / "whole", size=dropout, **choices)
    _, stopped = learn(rows, tmp_path / "cut", size=dropout, until=20, **choices)
    assert not stopped.finished
    gone_on, trained = learn(rows, tmp_path / "cut", size=dropout, **choices)
    assert trained.finished
    for (name, one), other in zip(
        whole.state_dict().items(), gone_on.state_dict().values(), strict=True
    ):
        assert torch.equal(one.cpu(), other.cpu()), name


def test_all_precisions_learn_alike_and_so_do_compiled_and_quicker_kernels(
    rows: Path, tmp_path: Path
) -> None:
    _, exact = learn(rows, tmp_path / "fp32", precision="fp32")
    assert last_loss(exact) < 0.8 * exact.curve[0]["loss"]
    for name, choices in {
        "bf16": {},
        "fp16": {"precision": "fp16"},
        "quicker": {"deterministic": False},
        "compiled": {"compile": True, "deterministic": False},
        "recomputed": {"recompute": True},
    }.items():
        _, trained = learn(rows, tmp_path / name, **choices)
        assert last_loss(trained) == pytest.approx(last_loss(exact), rel=0.03), name


def test_greedy_continuations_are_those_of_a_processor() -> None:
    model = new_model().eval()
    prompt = torch.tensor([[5, 6, 7, 8]])
    expected = list(generate(model, prompt[0].tolist(), max_new_tokens=20))
    found = list(generate(model.to(GPU), prompt[0].tolist(), max_new_tokens=20))
    assert found == expected


def test_as_many_rows_as_the_gpu_holds() -> None:
    said: list[str] = []
    config = new_model().config
    options = Training(steps=1, batch_size=1, seed=1, learning_rate=1e-3, precision="bf16")
    assert largest_batch(config, options, 64, said.append) == 64
    assert "the budget asks for no more" in said[0]
