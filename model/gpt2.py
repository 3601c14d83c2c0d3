"""GPT-2 (Radford et al. 2019): learned positions, layer norms, a GELU between two layers.

The modules have the names of transformers' ``GPT2LMHeadModel``; its ``Conv1D`` matrices are the
transposes of the linear layers here, which hf_weights.py sees to.

Notable choices: queries, keys and values come of one product, as in the checkpoints. Positions are
a plain table, no ``nn.Embedding``: nothing is projected onto them, and int8 leaves them be.

Shapes: B rows, T tokens, C width, H heads, D numbers a head, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.attention import attend, attention_bias, attention_mask
from model.cache import KeyValueCache
from model.config import ModelConfig
from model.document_attention import Borders
from model.language_model import LanguageModel
from model.norm import LayerNorm, compute_dtype
from model.placing import to_device
from model.transformer import Embedding, init_blocks, through_blocks


class JointAttention(nn.Module):
    """Multi-head attention whose queries, keys and values come of one matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_heads, self.head_dim = config.num_heads, config.head_dim
        self.c_attn = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.c_proj = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, x_btc: Tensor, bias: Tensor | Borders | None, cache: KeyValueCache | None, depth: int
    ) -> Tensor:
        """Mix the tokens of a row, ``(B, T, C)``; the arguments are those of ``Attention``."""
        rows, tokens, _ = x_btc.shape
        joint = self.c_attn(x_btc).view(rows, tokens, 3, self.num_heads, self.head_dim)
        q_bthd, k_bthd, v_bthd = joint.unbind(2)
        k, v = k_bthd.transpose(1, 2), v_bthd.transpose(1, 2)
        if cache is not None:
            k, v = cache.append(depth, k, v)
        return self.c_proj(attend(q_bthd, k, v, bias))


class FeedForward(nn.Module):
    """Up, GELU by its tanh approximation (Hendrycks & Gimpel 2016, arXiv:1606.08415), and down."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.hidden_size, config.intermediate_size)
        self.c_proj = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x_btc: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x_btc), approximate="tanh"))


class GPT2Block(nn.Module):
    """One layer: attention, then feed-forward, each added to what came in."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.hidden_size, config.norm_eps)
        self.attn = JointAttention(config)
        self.ln_2 = LayerNorm(config.hidden_size, config.norm_eps)
        self.mlp = FeedForward(config)
        self.dropout = config.dropout

    def forward(
        self, x_btc: Tensor, bias: Tensor | Borders | None, cache: KeyValueCache | None, depth: int
    ) -> Tensor:
        x_btc = x_btc + self._dropped(self.attn(self.ln_1(x_btc), bias, cache, depth))
        return x_btc + self._dropped(self.mlp(self.ln_2(x_btc)))

    def _dropped(self, x_btc: Tensor) -> Tensor:
        return F.dropout(x_btc, self.dropout, self.training) if self.dropout else x_btc


class Positions(nn.Module):
    """A vector for each place in a row."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(config.context_length, config.hidden_size))

    def forward(self, positions: slice | Tensor) -> Tensor:
        """``(T, C)`` of a slice, ``(B, T, C)`` of position ids ``(B, T)``."""
        if isinstance(positions, slice):
            return self.weight[positions]
        return F.embedding(positions, self.weight)


class GPT2Trunk(nn.Module):
    """All but the projection onto the vocabulary; a module of its own for the names' sake."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.wte = Embedding(config.vocab_size, config.hidden_size)
        self.wpe = Positions(config)
        blocks = 1 if config.share_layers else config.num_layers
        self.h = nn.ModuleList(GPT2Block(config) for _ in range(blocks))
        self.ln_f = LayerNorm(config.hidden_size, config.norm_eps)


class GPT2(LanguageModel):
    """GPT-2 of any size.

    Example:
        >>> config = ModelConfig.from_size(
        ...     "tiny", vocab_size=512, context_length=64, architecture="gpt2"
        ... )
        >>> GPT2(config)(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 512])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.transformer = GPT2Trunk(config)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        )

    def new_cache(self, rows: int = 1, capacity: int | None = None) -> KeyValueCache:
        """Room for the keys and values of ``rows`` sequences."""
        return KeyValueCache(self.config, self.transformer.ln_f.weight, rows, capacity)

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
        positions: slice | Tensor
        if cache is not None:
            seen = cache.length + tokens
            positions = slice(cache.length, seen)
        else:
            positions = slice(tokens) if position_ids is None else position_ids
        dtype = compute_dtype(self.transformer.ln_f.weight)
        if cache is None:
            mask = attention_mask(input_ids, position_ids, causal, dtype, self.config.head_dim)
        keys_dtype = dtype if cache is None else cache.dtype
        bias = attention_bias(mask, tokens, seen, input_ids.device, keys_dtype)
        if isinstance(positions, Tensor):
            positions = to_device(positions, input_ids.device)
        return self.states(input_ids, positions, bias, cache=cache)

    def states(
        self,
        input_ids: Tensor,
        positions: slice | Tensor,
        *inputs: Tensor | Borders | None,
        cache: KeyValueCache | None = None,
    ) -> Tensor:
        """As ``LanguageModel.states``; the inputs are the positions, and those of each block."""
        x_btc = self.transformer.wte(input_ids) + self.transformer.wpe(positions)
        x_btc = x_btc.to(compute_dtype(x_btc))
        if self.config.dropout:
            x_btc = F.dropout(x_btc, self.config.dropout, self.training)
        return self.transformer.ln_f(
            through_blocks(self, self.transformer.h, x_btc, *inputs, cache=cache)
        )

    @property
    def output_weight(self) -> Tensor:
        """What hidden states are multiplied with to become scores, ``(V, C)``."""
        return (self.transformer.wte if self.lm_head is None else self.lm_head).weight

    def logits(self, hidden: Tensor) -> Tensor:
        """As ``LanguageModel.logits``."""
        if self.lm_head is None:
            return self.transformer.wte.project(hidden)
        return self.lm_head(hidden)

    def init_weights(
        self, seed: int | None = None, *, std: float = 0.02, zero_outputs: bool = False
    ) -> None:
        """As ``LanguageModel.init_weights``; see ``init_blocks``."""
        init_blocks(self, ("c_proj.weight",), seed, std, zero_outputs)
