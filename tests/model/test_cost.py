"""What a model costs, beside hand arithmetic and beside the real thing."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.checkpoint import save_checkpoint
from model.config import ModelConfig
from model.cost import (
    checkpoint_bytes,
    parameters,
    training_memory,
    training_operations_per_token,
)
from model.objectives import next_token_loss
from model.optim import optimizers
from model.transformer import Transformer

GPT2 = ModelConfig(
    architecture="gpt2",
    vocab_size=50_257,
    hidden_size=768,
    num_layers=12,
    num_heads=12,
    num_key_value_heads=12,
    head_dim=64,
    intermediate_size=3_072,
    context_length=1_024,
)
SMALL = ModelConfig.from_size("tiny", vocab_size=512, context_length=64)


def test_gpt2_has_the_parameters_that_its_paper_is_known_for() -> None:
    counted = parameters(GPT2)
    assert counted.total == 124_439_808
    # Tokens 50,257 x 768 and positions 1,024 x 768.
    assert counted.embeddings == 38_597_376 + 786_432
    # Twelve layers of 768 x (2,304 + 768 + 3,072 + 3,072).
    assert counted.matrices == 84_934_656
    assert counted.multiplied == 84_934_656 + 38_597_376


def test_gpt2_takes_six_operations_a_parameter_and_its_attention() -> None:
    # 6 x 123,532,032 + 12 layers x 12 x 64 x 1,024 x 12 / 2.
    assert training_operations_per_token(GPT2) == 741_192_192 + 56_623_104


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tie_embeddings": False},
        {"num_heads": 4, "num_key_value_heads": 4, "head_dim": 16},
        {"hidden_size": 96, "intermediate_size": 200, "num_layers": 1},
    ],
)
def test_the_arithmetic_is_that_of_the_model_that_is_built(changes: dict[str, int]) -> None:
    config = replace(SMALL, **changes)
    model = Transformer(config)
    assert parameters(config).total == sum(p.numel() for p in model.parameters())
    muon, _ = optimizers(model, algorithm="muon", learning_rate=1e-3, weight_decay=0.0)
    in_muon = [matrix for group in muon.param_groups for matrix in group["params"]]
    assert parameters(config).matrices == sum(matrix.numel() for matrix in in_muon)


def step_of(model: torch.nn.Module, rows: int) -> torch.Tensor:
    """The loss of random rows of two documents each."""
    assert isinstance(model, Transformer)
    config = model.config
    ids = torch.randint(0, config.vocab_size, (rows, config.context_length))
    positions = torch.arange(config.context_length // 2).repeat(rows, 2)
    return next_token_loss(model, ids, positions)


@pytest.mark.parametrize("algorithm", ["muon", "adamw"])
def test_a_checkpoint_is_as_large_as_was_said(algorithm: str, tmp_path: Path) -> None:
    model = Transformer(SMALL)
    model.init_weights(1)
    made = optimizers(model, algorithm=algorithm, learning_rate=1e-3, weight_decay=0.0)  # type: ignore[arg-type]
    step_of(model, 2).backward()
    for optimizer in made:
        optimizer.step()
    size = save_checkpoint(tmp_path, 1, model, made, {}).stat().st_size
    # Beside the numbers: names, shapes and 5 kB of torch's random state.
    assert size == pytest.approx(checkpoint_bytes(SMALL, algorithm), abs=20_000)  # type: ignore[arg-type]


@pytest.mark.parametrize("half_precision", [False, True])
@pytest.mark.parametrize(
    "changes", [{}, {"hidden_size": 256, "num_layers": 2}, {"context_length": 256}]
)
def test_activations_are_what_the_backward_pass_keeps(
    changes: dict[str, int], half_precision: bool
) -> None:
    config = replace(SMALL, **changes)
    model = Transformer(config)
    model.init_weights(1)
    ours = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ours:
            kept[storage.data_ptr()] = tensor
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=half_precision),
    ):
        step_of(model, 8)
    real = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    said = training_memory(config, 8, optimizer="muon", half_precision=half_precision)
    # What the loss needs for the scores of a piece is gone by then.
    scores = 4 * config.vocab_size * 2 * 512
    assert said.activations - scores == pytest.approx(real, rel=0.1)


def test_memory_of_the_states_by_hand() -> None:
    # 124,439,808 numbers of four bytes; Muon keeps 84,934,656 once and the other 39,505,152 twice.
    said = training_memory(GPT2, 8, optimizer="muon", half_precision=True)
    assert said.weights == said.gradients == 497_759_232
    assert said.optimizer == 4 * (84_934_656 + 2 * 39_505_152)
    adamw = training_memory(GPT2, 8, optimizer="adamw", half_precision=True)
    assert adamw.optimizer == 8 * 124_439_808 and adamw.update == 0


def test_making_layers_anew_keeps_an_input_a_layer_and_one_layer() -> None:
    whole = training_memory(GPT2, 8, optimizer="adamw", half_precision=False)
    anew = training_memory(GPT2, 8, optimizer="adamw", half_precision=False, recompute_layers=True)
    tokens, width = 8 * 1_024, 768
    # No table of scores: float32 rows of 1,024 go through the fused kernel.
    layer = 8 * width + 2 * 3_072
    assert whole.activations - anew.activations == 4 * tokens * (11 * layer - 12 * width)


def test_each_process_has_its_share_of_a_model_that_is_shared_out_and_two_layers_of_it() -> None:
    choices = {"optimizer": "adamw", "half_precision": True}
    alone = training_memory(GPT2, 8, **choices)  # type: ignore[arg-type]
    shared = training_memory(GPT2, 8, **choices, sharing=4)  # type: ignore[arg-type]
    assert alone.together == 0
    for part in ("weights", "gradients", "optimizer"):
        assert getattr(shared, part) == getattr(alone, part) / 4
    # Tables of 50,257 tokens and 1,024 positions in 32 bits; of all else, 2 of 12 layers in 16.
    tables = (50_257 + 1_024) * 768
    assert shared.together == 2 * (4 * tables + 2 * ((124_439_808 - tables) * 2 // 12))
    # Nor are all layers' weights kept a second time in 16 bits.
    assert alone.activations - shared.activations == 2 * 84_934_656
