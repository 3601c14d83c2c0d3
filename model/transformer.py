"""The decoder of Llama, Qwen2 and Qwen3, with their parameter names.

Pre-normalised blocks of grouped-query attention and SwiGLU; what the three do not share is in
attention.py. The state dict has the names of transformers' ``Qwen3ForCausalLM`` and its like, so a
checkpoint needs no mapping.

Notable choices: under autocast the residual stream has the lower precision too, because a small
model spends its time on memory. Layers that share their weights are one block, used again and
again.

Shapes: B rows, T tokens, C width, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.attention import Attention, attention_bias, attention_mask, rotary_tables
from model.cache import KeyValueCache
from model.config import ModelConfig
from model.document_attention import Borders
from model.language_model import LanguageModel
from model.norm import RMSNorm, compute_dtype
from model.placing import to_device


class SwiGLU(nn.Module):
    """The gated feed-forward block (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x_btc: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x_btc)) * self.up_proj(x_btc))


class Block(nn.Module):
    """One layer: attention, then feed-forward, each added to what came in."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = SwiGLU(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.norm_eps)
        self.dropout = config.dropout

    def forward(
        self,
        x_btc: Tensor,
        cosines: Tensor,
        sines: Tensor,
        bias: Tensor | Borders | None,
        cache: KeyValueCache | None,
        depth: int,
    ) -> Tensor:
        mixed = self.self_attn(self.input_layernorm(x_btc), cosines, sines, bias, cache, depth)
        x_btc = x_btc + self._dropped(mixed)
        return x_btc + self._dropped(self.mlp(self.post_attention_layernorm(x_btc)))

    def _dropped(self, x_btc: Tensor) -> Tensor:
        return F.dropout(x_btc, self.dropout, self.training) if self.dropout else x_btc


class Embedding(nn.Embedding):
    """Vectors of ids, and, tied to them, scores of ids.

    On the meta device, where a checkpoint's weights are to come, there is nothing to initialise;
    torch would import torch._dynamo for it, which takes seconds.
    """

    def reset_parameters(self) -> None:
        """Initialise as torch does, where there is memory for it."""
        if not self.weight.is_meta:
            super().reset_parameters()

    def project(self, hidden: Tensor) -> Tensor:
        """Hidden states ``(..., C)`` to scores ``(..., V)``."""
        return F.linear(hidden, self.weight)


class Trunk(nn.Module):
    """All but the projection onto the vocabulary; a module of its own for the names' sake."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        blocks = 1 if config.share_layers else config.num_layers
        self.layers = nn.ModuleList(Block(config) for _ in range(blocks))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)


@torch.no_grad()
def init_blocks(
    model: LanguageModel, writes: tuple[str, ...], seed: int | None, std: float, zero_outputs: bool
) -> None:
    """Draw the weights of a model that is made of blocks added to a residual stream.

    Matrices and embeddings are normal with deviation ``std``; those that write into the residual
    stream have it divided by sqrt(2 x layers), so that its variance does not grow with depth
    (GPT-2, Radford et al. 2019). ``zero_outputs`` starts those at zero: every block is then the
    identity at first, which speeds up the first steps. Norms start at 1, biases at 0.

    Args:
        writes: how the names end of what writes into the residual stream.
        seed: None draws from torch's global state.
    """
    generator = torch.Generator().manual_seed(seed) if seed is not None else None
    for name, parameter in model.named_parameters():
        if parameter.dim() < 2:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
            continue
        scale = std
        if name.endswith(writes):
            scale = 0.0 if zero_outputs else std / (2 * model.config.num_layers) ** 0.5
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)


def through_blocks(
    model: LanguageModel,
    blocks: nn.ModuleList,
    x_btc: Tensor,
    *inputs: Tensor | Borders | None,
    cache: KeyValueCache | None,
) -> Tensor:
    """What comes out of the last block, ``(B, T, C)``.

    Where ``recompute_layers`` says so, what a block works out is worked out again in the backward
    pass instead of kept. The cache has the tokens' keys and values afterwards.

    Args:
        inputs: what every block is given beside the hidden states, the cache and its depth.
    """
    recompute = model.recompute_layers and model.training and torch.is_grad_enabled()
    for depth in range(model.config.num_layers):
        block = blocks[0 if model.config.share_layers else depth]
        given = (x_btc, *inputs, cache, depth)
        x_btc = checkpoint(block, *given, use_reentrant=False) if recompute else block(*given)
    if cache is not None:
        cache.advance(x_btc.shape[1])
    return x_btc


class Transformer(LanguageModel):
    """Llama, Qwen2 or Qwen3.

    Example:
        >>> config = ModelConfig.from_size("tiny", vocab_size=512, context_length=64)
        >>> Transformer(config)(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 512])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.model = Trunk(config)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        )
        cosines, sines = rotary_tables(config)
        self.cosines: Tensor
        self.sines: Tensor
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def compute_buffers(self) -> None:
        """The rotary tables, on the CPU."""
        self.cosines, self.sines = rotary_tables(self.config)

    def new_cache(self, rows: int = 1, capacity: int | None = None) -> KeyValueCache:
        """Room for the keys and values of ``rows`` sequences."""
        return KeyValueCache(self.config, self.model.norm.weight, rows, capacity)

    def hidden(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        cache: KeyValueCache | None = None,
        *,
        causal: bool = True,
    ) -> Tensor:
        """As ``LanguageModel.hidden``."""
        tokens = input_ids.shape[1]
        seen = tokens
        mask: Tensor | Borders | None = None
        if cache is not None:
            start = cache.length
            seen = start + tokens
            cosines, sines = self._tables(slice(start, seen))
        else:
            cosines, sines = self._tables(slice(tokens) if position_ids is None else position_ids)
        dtype = compute_dtype(self.model.norm.weight)
        if cache is None:
            mask = attention_mask(input_ids, position_ids, causal, dtype, self.config.head_dim)
        keys_dtype = dtype if cache is None else cache.dtype
        bias = attention_bias(mask, tokens, seen, input_ids.device, keys_dtype)
        return self.states(input_ids, cosines.to(dtype), sines.to(dtype), bias, cache=cache)

    def states(
        self,
        input_ids: Tensor,
        *inputs: Tensor | Borders | None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """As ``LanguageModel.states``; the inputs are those of each block."""
        x_btc = self.model.embed_tokens(input_ids)
        x_btc = x_btc.to(compute_dtype(x_btc))
        return self.model.norm(through_blocks(self, self.model.layers, x_btc, *inputs, cache=cache))

    @property
    def output_weight(self) -> Tensor:
        """What hidden states are multiplied with to become scores, ``(V, C)``."""
        return (self.model.embed_tokens if self.lm_head is None else self.lm_head).weight

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary of hidden states ``(..., C)`` (any selection of them)."""
        if self.lm_head is None:
            return self.model.embed_tokens.project(hidden)
        return self.lm_head(hidden)

    def init_weights(
        self, seed: int | None = None, *, std: float = 0.02, zero_outputs: bool = False
    ) -> None:
        """As ``LanguageModel.init_weights``; see ``init_blocks``."""
        writes = ("o_proj.weight", "down_proj.weight")
        init_blocks(self, writes, seed, std, zero_outputs)

    def _tables(self, positions: slice | Tensor) -> tuple[Tensor, Tensor]:
        """The rotary tables' rows, ``(B or 1, T, 1, D)``."""
        if isinstance(positions, Tensor):
            positions = to_device(positions, self.cosines.device)
        cosines, sines = self.cosines[positions], self.sines[positions]
        if cosines.dim() == 2:
            cosines, sines = cosines[None], sines[None]
        return cosines[:, :, None], sines[:, :, None]
