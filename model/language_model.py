"""What every architecture can do, so that nothing else need know which it is.

Notable choices: the forward is in two halves, ``hidden`` and ``logits``, because the vocabulary's
projection is a large part of a small model's work and a loss needs it at few positions.

Shapes: B rows, T tokens, C width, V vocabulary.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor, nn

from model.config import ModelConfig


class Cache(Protocol):
    """What a model keeps of the tokens so far, so that the next needs only itself.

    Attributes:
        length: tokens held.
        capacity: the most that it can hold.
    """

    length: int
    capacity: int


class LanguageModel(nn.Module, ABC):
    """A model of text.

    Attributes:
        config: its shape.
        recompute_layers: whether training computes the layers twice rather than to keep what they
            made; recurrent models take no notice.
        score_piece: what a loss makes of a piece's scores (model/objectives.py), where a compiler
            made something quicker of it.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.recompute_layers = False
        self.score_piece: Callable[..., tuple[Tensor, Tensor | None]] | None = None

    @abstractmethod
    def hidden(
        self,
        input_ids: Tensor,
        position_ids: Tensor | None = None,
        cache: Any = None,
        *,
        causal: bool = True,
    ) -> Tensor:
        """What the model makes of each token, normalised and ready for ``logits``.

        Args:
            input_ids: int ``(B, T)``; T at most ``context_length``.
            position_ids: int ``(B, T)`` of packed rows, restarting at 0 at each document, whose
                border nothing crosses. None: each row is one document. Not with a cache.
            cache: what ``new_cache`` gave: holds the tokens before these, and takes these;
                positions go on from its length.
            causal: whether a token sees only those before it; else all of its document. Without a
                cache.

        Returns:
            ``(B, T, C)``, in the type of the matrix products.
        """

    @abstractmethod
    def states(self, *inputs: Any, **choices: Any) -> Tensor:
        """The part of ``hidden`` that is worth compiling: all that the weights do.

        Args:
            inputs: the ids, and what an architecture's ``hidden`` makes of positions and documents.
            choices: ``cache``, as in ``hidden``.
        """

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary of hidden states ``(..., C)`` (any selection of them)."""

    @property
    @abstractmethod
    def output_weight(self) -> Tensor:
        """What hidden states are multiplied with to become scores, ``(V, C)``."""

    @abstractmethod
    def init_weights(
        self, seed: int | None = None, *, std: float = 0.02, zero_outputs: bool = False
    ) -> None:
        """Draw all weights anew, the same numbers on every device.

        Args:
            seed: None draws from torch's global state.
            std: deviation of matrices and embeddings.
            zero_outputs: whether what writes into the residual stream starts at zero.
        """

    @abstractmethod
    def new_cache(self, rows: int = 1, capacity: int | None = None) -> Cache:
        """An empty cache of ``rows`` sequences; capacity None takes the context length."""

    def compute_buffers(self) -> None:
        """Compute what is derived from the config and stands in no checkpoint; often nothing."""

    def forward(
        self, input_ids: Tensor, position_ids: Tensor | None = None, cache: Any = None
    ) -> Tensor:
        """Scores of every next token, ``(B, T, V)``; the arguments are those of ``hidden``."""
        return self.logits(self.hidden(input_ids, position_ids, cache))
