"""Attention within the documents of packed rows, by torch's kernel for sequences of any lengths.

On a GPU a mask costs twice the time of the attention itself: 1.6 ms against 0.8 (32 rows of 1,024
tokens, 12 heads of 64, bfloat16, forward and backward, one H200). This kernel (FlashAttention, Dao
2023, arXiv:2307.08691) is told where documents begin, and looks nowhere else.

Notable choices: the longest length goes in as a power of two, so that code compiled for one batch
fits the next.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from model.placing import to_device

FEWEST = 128
"""The kernel works on so many tokens at a time: a shorter longest document gains nothing."""


class Borders(NamedTuple):
    """Where the documents of a batch begin, in its rows one after the other.

    Attributes:
        starts: int32 ``(documents + 1,)`` on the device; the last is where all ends.
        longest: no document is longer.
        causal: whether a token sees only those before it.
    """

    starts: Tensor
    longest: int
    causal: bool


def has_kernel(device: torch.device, dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernel runs on a device, for keys of a type and heads of a size."""
    return (
        device.type == "cuda"
        and dtype in (torch.bfloat16, torch.float16)
        and head_dim % 8 == 0
        and head_dim <= 256
        and torch.cuda.get_device_capability(device) >= (8, 0)
    )


def borders(position_ids: Tensor, device: torch.device, causal: bool) -> Borders | None:
    """The borders of packed rows; None where each row is one document, read causally.

    Filling, whose positions are all 0, is one document: nothing is made of it.

    Args:
        position_ids: int ``(B, T)``, restarting at 0 where a document begins; best on the CPU.

    Example:
        >>> borders(torch.tensor([[0, 1, 0, 0, 1, 2, 0, 0]]), torch.device("cpu"), True).starts
        tensor([0, 2, 3, 6, 8], dtype=torch.int32)
    """
    zero = position_ids.cpu() == 0
    if causal and not zero[:, 1:].any():
        return None
    goes_on = torch.nn.functional.pad(~zero, (1, 1))  # whether the token before, or after, counts
    starts = zero & (goes_on[:, :-2] | goes_on[:, 2:])
    starts[:, 0] = True
    places = starts.flatten().nonzero().squeeze(1).int()
    places = torch.nn.functional.pad(places, (0, 1), value=zero.numel())
    longest = max(FEWEST, 1 << (int(places.diff().max()) - 1).bit_length())
    return Borders(to_device(places, device), longest, causal)


def attend_within(q_bthd: Tensor, k_bksd: Tensor, v_bksd: Tensor, within: Borders) -> Tensor:
    """Attention as ``attend`` gives it, ``(B, T, H * D)``, of T queries to as many keys."""
    from torch.nn.attention.varlen import varlen_attn  # seconds that a processor is spared

    rows, tokens, heads, size = q_bthd.shape
    mixed = varlen_attn(
        q_bthd.reshape(-1, heads, size),
        k_bksd.transpose(1, 2).reshape(rows * tokens, -1, size),
        v_bksd.transpose(1, 2).reshape(rows * tokens, -1, size),
        within.starts,
        within.starts,
        within.longest,
        within.longest,
        window_size=(-1, 0 if within.causal else -1),
        enable_gqa=heads != k_bksd.shape[1],
    )
    assert isinstance(mixed, Tensor)  # a tuple only where more is asked for
    return mixed.reshape(rows, tokens, heads * size)
