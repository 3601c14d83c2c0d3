"""The decoder: Qwen3's shape, with Qwen3's parameter names.

Pre-normalised blocks of grouped-query attention and SwiGLU, no biases, embeddings tied. The state
dict has the names of transformers' ``Qwen3ForCausalLM``, so a checkpoint needs no mapping.

Notable choices: the forward is in two halves, ``hidden`` and ``logits``, because the vocabulary's
projection is a large part of a small model's work and a loss needs it at few positions. Under
autocast the residual stream has the lower precision too: a small model spends its time on memory.

Shapes: B rows, T tokens, C width, V vocabulary.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from model.attention import Attention, attention_bias, packing_mask, rotary_tables
from model.config import ModelConfig
from model.norm import RMSNorm, compute_dtype

if TYPE_CHECKING:
    from model.generation import KeyValueCache


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

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(config, layer)
        self.mlp = SwiGLU(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.dropout = config.dropout

    def forward(
        self,
        x_btc: Tensor,
        cosines: Tensor,
        sines: Tensor,
        bias: Tensor | None,
        cache: "KeyValueCache | None",
    ) -> Tensor:
        mixed = self.self_attn(self.input_layernorm(x_btc), cosines, sines, bias, cache)
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
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Transformer(nn.Module):
    """A causal language model.

    Example:
        >>> config = ModelConfig.from_size("tiny", vocab_size=512, context_length=64)
        >>> Transformer(config)(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 512])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        )
        # Whether training computes the layers twice rather than to keep what they made.
        self.recompute_layers = False
        cosines, sines = rotary_tables(config)
        self.cosines: Tensor
        self.sines: Tensor
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)

    def forward(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        cache: "KeyValueCache | None" = None,
    ) -> Tensor:
        """Scores of every next token, ``(B, T, V)``; the arguments are those of ``hidden``."""
        return self.logits(self.hidden(input_ids, position_ids, cache))

    def hidden(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        cache: "KeyValueCache | None" = None,
        *,
        causal: bool = True,
    ) -> Tensor:
        """What the model makes of each token, normalised and ready for ``logits``.

        Args:
            input_ids: int ``(B, T)``; T at most ``context_length``.
            position_ids: int ``(B, T)`` of packed rows, restarting at 0 at each document, which
                attention does not cross. None: each row is one document. Not with a cache.
            cache: holds the tokens before these, and takes these; positions go on from its length.
            causal: False sees both sides; not with a cache.

        Returns:
            ``(B, T, C)``.
        """
        tokens = input_ids.shape[1]
        seen, mask = tokens, None
        if cache is not None:
            start = cache.length
            seen = start + tokens
            cosines, sines = self._tables(slice(start, seen))
        elif position_ids is None:
            cosines, sines = self._tables(slice(0, tokens))
        else:
            cosines, sines = self._tables(position_ids)
            # Asking a CUDA tensor for its values would wait for all the work in its queue.
            if position_ids.is_cuda or not bool((position_ids[:, 1:] > 0).all()):
                mask = packing_mask(position_ids)
        if not causal:
            # Without positions there is one document.
            whole = torch.zeros_like(input_ids) if position_ids is None else position_ids == 0
            documents = whole.cumsum(-1)
            mask = (documents[:, :, None] == documents[:, None, :])[:, None]
        x_btc = self.model.embed_tokens(input_ids)
        dtype = compute_dtype(x_btc)
        x_btc, cosines, sines = x_btc.to(dtype), cosines.to(dtype), sines.to(dtype)
        keys_dtype = dtype if cache is None else cache.dtype
        bias = attention_bias(mask, tokens, seen, x_btc.device, keys_dtype)
        for block in self.model.layers:
            if self.recompute_layers and self.training and torch.is_grad_enabled():
                x_btc = checkpoint(block, x_btc, cosines, sines, bias, cache, use_reentrant=False)
            else:
                x_btc = block(x_btc, cosines, sines, bias, cache)
        if cache is not None:
            cache.advance(tokens)
        return self.model.norm(x_btc)

    @property
    def output_weight(self) -> Tensor:
        """What hidden states are multiplied with to become scores, ``(V, C)``."""
        return (self.model.embed_tokens if self.lm_head is None else self.lm_head).weight

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary of hidden states ``(..., C)`` (any selection of them)."""
        if self.lm_head is None:
            return self.model.embed_tokens.project(hidden)
        return self.lm_head(hidden)

    @torch.no_grad()
    def init_weights(
        self, seed: int | None = None, *, std: float = 0.02, zero_outputs: bool = False
    ) -> None:
        """Draw all weights anew.

        Matrices and embeddings are normal with deviation ``std``; those that write into the
        residual stream have it divided by sqrt(2 x layers), so that its variance does not grow
        with depth (GPT-2, Radford et al. 2019). ``zero_outputs`` starts those at zero: every block
        is then the identity at first, which speeds up the first steps. ``seed`` None draws from
        torch's global state. The numbers are the same on every device.
        """
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                parameter.fill_(1.0)
            elif name.endswith(("o_proj.weight", "down_proj.weight")):
                scale = 0.0 if zero_outputs else std / (2 * self.config.num_layers) ** 0.5
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale)
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)

    def _tables(self, positions: slice | Tensor) -> tuple[Tensor, Tensor]:
        """The rotary tables' rows, ``(B or 1, T, 1, D)``."""
        cosines, sines = self.cosines[positions], self.sines[positions]
        if cosines.dim() == 2:
            cosines, sines = cosines[None], sines[None]
        return cosines[:, :, None], sines[:, :, None]
