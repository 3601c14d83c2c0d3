"""Self-attention: with rotary positions and shared key heads here, the bare product for others.

Notable choices: packed rows need no lengths: ``position_ids`` that restart at 0 mark a document's
border, and ``attention_mask`` turns them into a mask that all layers share. Short rows on a CPU go
through plain batched products with the heads of a group folded into the queries: forward and
backward together take 18 ms where torch's fused kernel takes 31 (16 rows of 256 tokens, 3 heads of
64, bfloat16, two cores); in float32 43 and 32, so there only where rows are very short. Elsewhere
the fused kernel is used, without a mask where a row holds one document; packed rows in 16 bits on a
GPU have a kernel of their own (document_attention.py).

Shapes: B rows, T tokens, S tokens looked at (T, and those in the cache), H heads, K key-value
heads, G = H / K, D numbers a head, C width.
"""

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.bfloat16 import for_products
from model.config import ModelConfig, RopeScaling
from model.document_attention import Borders, attend_within, borders, has_kernel
from model.norm import RMSNorm

if TYPE_CHECKING:
    from model.cache import KeyValueCache


# Beyond so many tokens a row, the fused kernel's lack of a score matrix wins on a CPU too; much
# earlier in float32, for which that kernel is at its best.
FOLDED_TOKENS = 1024
FOLDED_TOKENS_FLOAT32 = 128


def rotary_tables(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position's angles, float32 ``(context_length, head_dim)`` each.

    The halves of the last axis are the same, as in Hugging Face's layout of rotary embeddings
    (Su et al. 2021, arXiv:2104.09864). The first half of the sines is negated, so that rotating
    is one swap of the halves, two products and a sum. They are on the CPU, whatever the device of
    the day: arithmetic on torch's "meta" device imports its compiler, which takes seconds.
    """
    cpu = torch.device("cpu")
    pairs = torch.arange(0, config.head_dim, 2, dtype=torch.int64, device=cpu)
    exponent = pairs.float() / config.head_dim
    frequencies = 1.0 / config.rope_theta**exponent
    if config.rope_scaling is not None:
        frequencies = _stretched(frequencies, config.rope_scaling)
    angles = torch.arange(config.context_length, device=cpu).float()[:, None] * frequencies
    return torch.cat([angles.cos()] * 2, -1), torch.cat([-angles.sin(), angles.sin()], -1)


def _stretched(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Frequencies (radians a token) as Llama 3.1 has them; see ``RopeScaling``."""
    turns = scaling.original_context_length * frequencies / (2 * math.pi)
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - kept) * frequencies / scaling.factor + kept * frequencies


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate ``x`` of shape ``(..., D)`` by tables that broadcast to it."""
    return x * cosines + x.roll(x.shape[-1] // 2, -1) * sines


def attention_mask(
    input_ids: Tensor, position_ids: Tensor | None, causal: bool, dtype: torch.dtype, head_dim: int
) -> Tensor | Borders | None:
    """Which token may look at which: the same document and, if ``causal``, not later.

    Args:
        input_ids: int ``(B, T)``.
        position_ids: int ``(B, T)``, restarting at 0 where a document begins; None: each row is
            one document.
        dtype, head_dim: of the keys.

    Returns:
        Where documents begin, if the kernel for that is there; else bool ``(B or 1, 1, T, T)``,
        true where attention is allowed; None for plain causal attention.
    """
    if position_ids is not None and has_kernel(input_ids.device, dtype, head_dim):
        return borders(position_ids, input_ids.device, causal)
    # Asking a CUDA tensor for its values would wait for all the work in its queue.
    packed = position_ids is not None and (
        position_ids.is_cuda or not bool((position_ids[:, 1:] > 0).all())
    )
    if position_ids is None or not packed:
        tokens = input_ids.shape[1]
        return None if causal else input_ids.new_ones((1, 1, tokens, tokens), dtype=torch.bool)
    position_ids = position_ids.to(input_ids.device)
    documents = (position_ids == 0).cumsum(-1)
    same = documents[:, :, None] == documents[:, None, :]
    return (same.tril_() if causal else same)[:, None]


def attention_bias(
    mask: Tensor | Borders | None,
    tokens: int,
    seen: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor | Borders | None:
    """What is added to the scores: 0 where attention is allowed, minus infinity elsewhere.

    Args:
        mask: bool ``(B, 1, T, S)``, or None for plain causal attention; borders stay what they are.
        tokens, seen: T and S; the T tokens are the last of the S.
        device, dtype: of the keys.

    Returns:
        ``(B or 1, 1, T, 1, S)`` where ``attend`` folds heads, ``(B or 1, 1, T, S)`` where it uses
        the fused kernel; None where nothing is to be masked, or that kernel knows what.
    """
    folded = folds(device, tokens, dtype)
    if isinstance(mask, Borders):
        return mask
    if mask is None:
        if tokens == 1 or (not folded and tokens == seen):
            return None
        mask = torch.ones(1, 1, tokens, seen, dtype=torch.bool, device=device).tril_(seen - tokens)
    bias = torch.zeros(mask.shape, dtype=dtype, device=device)
    bias.masked_fill_(~mask, -torch.inf)
    return bias.unsqueeze(3) if folded else bias


def folds(device: torch.device, tokens: int, dtype: torch.dtype) -> bool:
    """Whether ``attend`` takes the folded path for ``tokens`` queries to keys of a type."""
    is_exact = for_products(dtype, device.type) == torch.float32
    most = FOLDED_TOKENS_FLOAT32 if is_exact else FOLDED_TOKENS
    return device.type == "cpu" and tokens <= most


def attend(q_bthd: Tensor, k_bksd: Tensor, v_bksd: Tensor, bias: Tensor | Borders | None) -> Tensor:
    """Attention of T queries to S keys and values, with the bias of ``attention_bias``.

    It is computed in the type of the keys, or in float32 where bfloat16 is slow; the result,
    ``(B, T, H * D)``, has the type of the queries.
    """
    rows, tokens, heads, size = q_bthd.shape
    groups, seen = k_bksd.shape[1], k_bksd.shape[2]
    dtype, exact = q_bthd.dtype, for_products(k_bksd.dtype, k_bksd.device.type)
    q_bthd, k_bksd, v_bksd = q_bthd.to(exact), k_bksd.to(exact), v_bksd.to(exact)
    if isinstance(bias, Borders):
        return attend_within(q_bthd, k_bksd, v_bksd, bias).to(dtype)
    if not folds(q_bthd.device, tokens, exact):
        mixed = F.scaled_dot_product_attention(
            q_bthd.transpose(1, 2),
            k_bksd,
            v_bksd,
            attn_mask=None if bias is None else bias.to(exact),
            is_causal=bias is None and tokens > 1,
            enable_gqa=heads != groups,
        )
        return mixed.transpose(1, 2).reshape(rows, tokens, heads * size).to(dtype)
    q = (q_bthd * size**-0.5).view(rows, tokens, groups, heads // groups, size)
    q = q.transpose(1, 2).reshape(rows * groups, -1, size)
    k = k_bksd.reshape(rows * groups, seen, size)
    v = v_bksd.reshape(rows * groups, seen, size)
    scores = torch.bmm(q, k.transpose(1, 2))
    if bias is not None:
        scores = scores.view(rows, groups, tokens, -1, seen).add_(bias).view_as(scores)
    mixed = torch.bmm(scores.softmax(-1), v).view(rows, groups, tokens, -1, size)
    return mixed.transpose(1, 2).reshape(rows, tokens, heads * size).to(dtype)


class Attention(nn.Module):
    """Grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245).

    Qwen3 normalises queries and keys, Qwen2 adds biases to queries, keys and values, Llama neither.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.num_heads, self.num_key_value_heads = config.num_heads, config.num_key_value_heads
        queries = config.num_heads * config.head_dim
        keys = config.num_key_value_heads * config.head_dim
        biased = config.architecture == "qwen2"
        self.q_proj = nn.Linear(config.hidden_size, queries, bias=biased)
        self.k_proj = nn.Linear(config.hidden_size, keys, bias=biased)
        self.v_proj = nn.Linear(config.hidden_size, keys, bias=biased)
        self.o_proj = nn.Linear(queries, config.hidden_size, bias=False)
        normed = config.architecture == "qwen3"
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps) if normed else None
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps) if normed else None

    def forward(
        self,
        x_btc: Tensor,
        cosines: Tensor,
        sines: Tensor,
        bias: Tensor | Borders | None,
        cache: "KeyValueCache | None",
        depth: int,
    ) -> Tensor:
        """Mix the tokens of a row.

        Args:
            x_btc: ``(B, T, C)``.
            cosines, sines: ``(B or 1, T, 1, D)``, the rows of ``rotary_tables`` for these tokens.
            bias: from ``attention_bias``.
            cache: where keys and values of earlier tokens are, and these are put; None for none.
            depth: the layer that this is, for the cache.

        Returns:
            ``(B, T, C)``.
        """
        rows, tokens, _ = x_btc.shape
        q_bthd = self.q_proj(x_btc).view(rows, tokens, self.num_heads, self.head_dim)
        k_btkd = self.k_proj(x_btc).view(rows, tokens, self.num_key_value_heads, self.head_dim)
        v_btkd = self.v_proj(x_btc).view(rows, tokens, self.num_key_value_heads, self.head_dim)
        if self.q_norm is not None and self.k_norm is not None:
            q_bthd, k_btkd = self.q_norm(q_bthd), self.k_norm(k_btkd)
        q_bthd = rotate(q_bthd, cosines, sines)
        k = rotate(k_btkd, cosines, sines).transpose(1, 2)
        v = v_btkd.transpose(1, 2)
        if cache is not None:
            k, v = cache.append(depth, k, v)
        return self.o_proj(attend(q_bthd, k, v, bias))
