"""Normalisation: by the root mean square (Zhang & Sennrich 2019, arXiv:1910.07467) or, before that,
by mean and deviation (Ba et al. 2016, arXiv:1607.06450).

Notable choices: on a CPU, the gradient of torch's own RMS norm takes many passes over memory;
written out in few, a training step of a small model is 7 % shorter. The result comes in the type
that the following matrix products want, so that it is cast once, not by each of them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def compute_dtype(x: Tensor) -> torch.dtype:
    """The type that matrix products with ``x`` are made in: autocast's, where that is on."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


class RMSNorm(nn.Module):
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last axis, of ``size`` numbers."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; the result has the compute type of ``x``."""
        weight = self.weight.to(x.dtype)
        if x.is_cuda or not torch.is_grad_enabled():
            return F.rms_norm(x, weight.shape, weight, self.eps).to(compute_dtype(x))
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
        return (x * scale * weight).to(compute_dtype(x))


class LayerNorm(nn.Module):
    """``(x - mean) / sqrt(variance + eps) * weight + bias`` over the last axis."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; the result has the compute type of ``x``."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        return F.layer_norm(x, weight.shape, weight, bias, self.eps).to(compute_dtype(x))
