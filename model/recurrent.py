"""Before the Transformer: torch's RNN (Elman 1990) and LSTM (Hochreiter & Schmidhuber 1997).

The same embeddings, norms before and after, and projection as the Transformer's stand around it, so
that what a comparison shows is what reads the tokens.

Notable choices: no state crosses a document's border. torch cannot reset one inside a row, so the
rows are cut at the borders, and all pieces run side by side, the longest first, as one packed
sequence: each is read from an empty state, nothing is padded, and there are as many steps in time
as the longest piece has tokens. Recurrence is computed in the type of its weights, not in
autocast's: what goes round hundreds of times must not be rounded each time. There is no way to see
both sides: ``causal=False`` is refused.

Shapes: B rows, T tokens, C width, V vocabulary, L layers, N = B x T.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from chatwright.errors import BadParameter
from model.config import ModelConfig
from model.language_model import LanguageModel
from model.norm import RMSNorm
from model.placing import to_device
from model.recurrence import run_packed
from model.transformer import Embedding

State = Tensor | tuple[Tensor, Tensor]
"""``(L, B, C)``: the hidden state of each layer; for the LSTM that and the cell's."""


class StateCache:
    """What a recurrent model keeps of the tokens so far: its state, however many they were.

    Attributes:
        length: tokens read.
        capacity: as many as it is asked to read at most; memory sets no limit.
        state: after the last of them; None before the first.
    """

    def __init__(self, capacity: int) -> None:
        self.length, self.capacity = 0, capacity
        self.state: State | None = None


class _RNN(nn.RNN):
    def reset_parameters(self) -> None:
        """Initialise as torch does, where there is memory for it (see ``Embedding``)."""
        if not self.weight_hh_l0.is_meta:
            super().reset_parameters()


class _LSTM(nn.LSTM):
    def reset_parameters(self) -> None:
        """Initialise as torch does, where there is memory for it (see ``Embedding``)."""
        if not self.weight_hh_l0.is_meta:
            super().reset_parameters()


class RecurrentTrunk(nn.Module):
    """All but the projection onto the vocabulary; a module of its own for the names' sake."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        kind = _LSTM if config.architecture == "lstm" else _RNN
        self.rnn = kind(
            config.hidden_size,
            config.hidden_size,
            config.num_layers,
            batch_first=True,
            # Between layers; torch warns where there is no between.
            dropout=config.dropout if config.num_layers > 1 else 0.0,
        )
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)


class Recurrent(LanguageModel):
    """An RNN or LSTM language model.

    Dropout acts on what goes from layer to layer and out of the last, not on what goes from token
    to token (Zaremba et al. 2014, arXiv:1409.2329).

    Example:
        >>> config = ModelConfig.from_size(
        ...     "tiny", vocab_size=512, context_length=64, architecture="lstm"
        ... )
        >>> Recurrent(config)(torch.tensor([[1, 2, 3]])).shape
        torch.Size([1, 3, 512])
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.model = RecurrentTrunk(config)
        self.lm_head = (
            None
            if config.tie_embeddings
            else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        )

    def hidden(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        cache: StateCache | None = None,
        *,
        causal: bool = True,
    ) -> Tensor:
        """What the model makes of each token; see ``LanguageModel.hidden``.

        Raises:
            BadParameter: ``causal`` is false.
        """
        if not causal:
            raise BadParameter(
                "model.architecture",
                f"{self.config.architecture} reads from left to right and cannot see both sides",
                "Take pretrain.objective causal, or a Transformer",
            )
        return self.states(input_ids, position_ids, cache=cache)

    def states(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        *,
        cache: StateCache | None = None,
    ) -> Tensor:
        """As ``LanguageModel.states``; the one input is the positions."""
        x_btc = self.model.embed_tokens(input_ids)
        rnn = self.model.rnn
        with torch.autocast(x_btc.device.type, enabled=False):
            x_btc = x_btc.to(next(rnn.parameters()).dtype)
            # Tied embeddings are small; so fed, an LSTM learns half as much from the first tokens.
            x_btc = F.rms_norm(x_btc, x_btc.shape[-1:], eps=self.config.norm_eps)
            if cache is not None:
                y_btc, cache.state = rnn(x_btc, cache.state)
                cache.length += x_btc.shape[1]
            elif position_ids is None:
                y_btc, _ = rnn(x_btc)
            else:
                y_btc = self._by_document(x_btc, position_ids)
            if self.config.dropout:
                y_btc = F.dropout(y_btc, self.config.dropout, self.training)
        return self.model.norm(y_btc)

    def _by_document(self, x_btc: Tensor, position_ids: Tensor) -> Tensor:
        order, sizes = document_order(position_ids)
        order, x_nc = to_device(order, x_btc.device), x_btc.flatten(0, 1)
        if torch.is_grad_enabled() and not x_btc.is_cuda:
            out_nc = run_packed(self.model.rnn, x_nc[order], sizes)
        else:
            out_nc = self.model.rnn(PackedSequence(x_nc[order], sizes))[0].data
        return torch.empty_like(x_nc).index_copy(0, order, out_nc).view_as(x_btc)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary of hidden states ``(..., C)`` (any selection of them)."""
        if self.lm_head is None:
            return self.model.embed_tokens.project(hidden)
        return self.lm_head(hidden)

    @property
    def output_weight(self) -> Tensor:
        """What hidden states are multiplied with to become scores, ``(V, C)``."""
        return (self.model.embed_tokens if self.lm_head is None else self.lm_head).weight

    @torch.no_grad()
    def init_weights(
        self, seed: int | None = None, *, std: float = 0.02, zero_outputs: bool = False
    ) -> None:
        """Draw all weights anew.

        Embeddings and the projection are normal with deviation ``std``; the recurrent matrices
        even within 1 / sqrt(C), as torch has them. Biases are 0, but 1 at the LSTM's forget gate,
        so that it remembers until it learns what to forget (Jozefowicz et al. 2015).
        ``zero_outputs`` changes nothing: there is no residual stream.
        """
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        width = self.config.hidden_size
        for name, parameter in self.named_parameters():
            if ".bias_" in name:
                parameter.zero_()
                if self.config.architecture == "lstm" and ".bias_ih" in name:
                    # Gates in torch's order: input, forget, cell, output.
                    parameter[width : 2 * width] = 1.0
            elif ".rnn." in name:
                drawn = torch.rand(parameter.shape, generator=generator) * 2 - 1
                parameter.copy_(drawn / width**0.5)
            elif parameter.dim() < 2:
                parameter.fill_(1.0)
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)

    def new_cache(self, rows: int = 1, capacity: int | None = None) -> StateCache:
        """An empty cache; it takes the number of rows from the first tokens."""
        return StateCache(capacity or self.config.context_length)


def document_order(position_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens in the order in which documents side by side are read, the longest document first.

    Args:
        position_ids: int ``(B, T)``; every row begins with 0.

    Returns:
        int64 ``(N,)``: the places of all first tokens in the flattened rows, then those of all
        second ones, and so on; and int64 ``(longest,)`` on the CPU, how many each of these are:
        what ``PackedSequence`` takes.

    Example:
        >>> document_order(torch.tensor([[0, 0, 1, 2]]))
        (tensor([1, 0, 2, 3]), tensor([2, 1, 1]))
    """
    positions = position_ids.flatten().long()
    document = (positions == 0).cumsum(0) - 1
    lengths = document.bincount()
    rank = lengths.argsort(descending=True, stable=True).argsort()
    order = (positions * len(lengths) + rank[document]).argsort()
    return order, positions.bincount().cpu()
