"""Muon for the matrices, AdamW for the rest.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) replaces a matrix's momentum by
one of the same directions, all of about one size. Trained on the same tokens, a small model is far
ahead with it; docs/training.md has the figures.

Notable choices:

- Matrices of one shape are stacked, so that a step is a few large products rather than many small
  ones (``torch.optim.Muon`` takes them one by one).
- Three rounds of the Polar Express bring singular values to 0.2 to 1.9 only, but the loss is that
  of five rounds with fixed coefficients to within 0.006 bits per byte, and a step is shorter.
- Of matrices that are shared out among processes (sharding.py), each process orthogonalises all,
  a few at a time: what is sent is the momentum, and no process ever holds all of it.
- An update is scaled to the size that AdamW's has (Liu et al. 2025, arXiv:2502.16982), so that one
  learning rate serves both.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from model.sharding import is_shared, part, parts_of_stack, whole_stack

Algorithm = Literal["muon", "adamw"]

# Amsel et al. 2025, arXiv:2505.16932: the best polynomial of degree five for each round, given
# what the rounds before it have done. Divided by powers of 1.01, their guard against rounding.
POLAR_EXPRESS = tuple(
    (a / 1.01, b / 1.01**3, c / 1.01**5)
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
        (3.3184196573706015, -2.488488024314874, 0.51004894012372),
        (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    )
)
ROUNDS = 3

NUMBERS_AT_ONCE = 32 * 2**20
"""How many numbers of matrices that are shared out are put together at once, if it is not one."""


def orthogonalized(matrices: Tensor, rounds: int = ROUNDS) -> Tensor:
    """Matrices with the same singular vectors, and singular values brought towards 1.

    Args:
        matrices: ``(N, rows, columns)``, any scale.
        rounds: of the polynomial, at most five; more come closer.

    Returns:
        The same shape and dtype.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True) * 1.01 + 1e-7)
    for a, b, c in POLAR_EXPRESS[:rounds]:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum with decoupled weight decay.

    Args:
        params: matrices only.
        lr: of the size that suits AdamW.
        momentum: the share of the old momentum that is kept.
        weight_decay: the share of a weight that a step of learning rate 1 would take away.
        dtype: of the orthogonalisation; bfloat16 is exact enough, and quicker where the hardware
            has it.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update all matrices that have a gradient."""
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[nn.Parameter]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape.setdefault(matrix.shape, []).append(matrix)
            for matrices in by_shape.values():
                at_once = len(matrices)
                if is_shared(matrices[0]):
                    at_once = max(1, NUMBERS_AT_ONCE // matrices[0].numel())
                for start in range(0, len(matrices), at_once):
                    self._update(matrices[start : start + at_once], group)
        return loss

    def _update(self, matrices: list[nn.Parameter], group: dict[str, Any]) -> None:
        gradients = torch.stack([part(m.grad) for m in matrices if m.grad is not None])
        momenta = []
        for matrix, gradient in zip(matrices, gradients.unbind(), strict=True):
            state = self.state[matrix]
            if not state:
                state["momentum"] = torch.zeros_like(matrix)
            momentum = part(state["momentum"]).lerp_(gradient, 1 - group["momentum"])
            momenta.append(momentum)
        ahead = gradients.lerp_(torch.stack(momenta), group["momentum"])
        updates = orthogonalized(whole_stack(ahead.to(self.dtype), matrices[0])).float()
        updates = parts_of_stack(updates, matrices[0])
        # An orthogonal matrix's elements have a mean square of 1 / the longer side.
        scale = 0.2 * max(matrices[0].shape) ** 0.5
        for matrix, update in zip(matrices, updates.unbind(), strict=True):
            weight = part(matrix)
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update, alpha=-group["lr"] * scale)


EMBEDDINGS = ("embed_tokens", "wte", "wpe", "lm_head")
"""Modules whose weights are tables, or multiplied as one: no update treats them as a matrix."""


def optimizers(
    model: nn.Module,
    *,
    algorithm: Algorithm,
    learning_rate: float,
    weight_decay: float,
    dtype: torch.dtype = torch.float32,
) -> list[torch.optim.Optimizer]:
    """The optimizers of a model: one for its matrices, one for all the rest.

    Only matrices decay. The rest is embeddings, positions, norms, biases and the projection onto
    the vocabulary.

    Args:
        algorithm: what trains the matrices.
        dtype: of Muon's orthogonalisation.
    """
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        embeds = any(part in EMBEDDINGS for part in name.split("."))
        (matrices if parameter.dim() == 2 and not embeds else rest).append(parameter)

    def adamw(parameters: list[nn.Parameter], decay: float) -> torch.optim.AdamW:
        return torch.optim.AdamW(
            parameters, learning_rate, (0.9, 0.95), eps=1e-10, weight_decay=decay, fused=True
        )

    if algorithm == "adamw":
        return [adamw(matrices, weight_decay), adamw(rest, 0.0)]
    muon = Muon(matrices, learning_rate, weight_decay=weight_decay, dtype=dtype)
    return [muon, adamw(rest, 0.0)]
