"""Muon beside torch's own, and which optimizer gets which parameters."""

import pytest
import torch
from torch import nn

from model import optim
from model.config import ModelConfig
from model.optim import Muon, optimizers, orthogonalized
from model.transformer import Transformer


def small_model() -> Transformer:
    model = Transformer(ModelConfig.from_size("tiny", vocab_size=300, context_length=32))
    model.init_weights(0)
    return model


@pytest.mark.parametrize("shape", [(3, 24, 40), (2, 40, 24), (1, 32, 32)])
def test_orthogonalizing_leaves_the_directions_and_brings_their_sizes_together(
    shape: tuple[int, int, int],
) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    assert torch.linalg.svdvals(matrices).max() > 6 * torch.linalg.svdvals(matrices).min()
    # The bounds are those of the polynomials' composition on singular values of 0.03 to 1.
    for rounds, least, most in ((3, 0.15, 1.9), (5, 0.75, 1.25)):
        sizes = left.mT @ orthogonalized(matrices, rounds) @ right.mT
        diagonal = sizes.diagonal(dim1=-2, dim2=-1)
        assert (sizes - torch.diag_embed(diagonal)).abs().max() < 1e-3
        assert diagonal.min() > least and diagonal.max() < most


def test_muon_makes_the_steps_of_torchs_muon(monkeypatch: pytest.MonkeyPatch) -> None:
    # torch's has Jordan's coefficients and five rounds; with those, ours is the same algorithm.
    monkeypatch.setattr(optim, "POLAR_EXPRESS", ((3.4445, -4.775, 2.0315),) * 5)
    monkeypatch.setattr(optim, "orthogonalized", lambda x: orthogonalized(x, rounds=5))
    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(24, 16, generator=generator) for _ in range(3)]
    start.append(torch.randn(16, 24, generator=generator))
    ours, theirs = ([nn.Parameter(x.clone()) for x in start] for _ in range(2))
    optimizer = Muon(ours, 0.01, weight_decay=0.1)
    reference = torch.optim.Muon(
        theirs, lr=0.01, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        optimizer.step()
        reference.step()
    for one, other, before in zip(ours, theirs, start, strict=True):
        moved = (other - before).abs().max()
        # torch orthogonalises in bfloat16, which has three digits.
        assert (one - other).abs().max() < 0.05 * moved


def test_only_matrices_inside_the_blocks_decay_and_are_muons() -> None:
    model = small_model()
    muon, adamw = optimizers(model, algorithm="muon", learning_rate=0.1, weight_decay=0.2)
    assert isinstance(muon, Muon)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(p)] for p in muon.param_groups[0]["params"]}
    rest = {names[id(p)] for p in adamw.param_groups[0]["params"]}
    assert all("_proj" in name for name in matrices)
    assert all("norm" in name or "embed" in name for name in rest)
    assert len(matrices) + len(rest) == len(names)
    assert muon.param_groups[0]["weight_decay"] == 0.2
    assert adamw.param_groups[0]["weight_decay"] == 0.0


def test_adamw_for_all_is_there_too() -> None:
    made = optimizers(small_model(), algorithm="adamw", learning_rate=0.1, weight_decay=0.2)
    assert [type(optimizer) for optimizer in made] == [torch.optim.AdamW] * 2
