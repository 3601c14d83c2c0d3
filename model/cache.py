"""The keys and values of the tokens so far, so that attention computes each only once.

Shapes: B rows, T tokens, S tokens in the cache, K key-value heads, D numbers a head.
"""

import torch
from torch import Tensor

from model.config import ModelConfig


class KeyValueCache:
    """The keys and values of the tokens so far, in memory that is set aside once.

    On a CPU it is float32 whatever the model is: oneDNN builds a bfloat16 product anew for every
    new size, which costs 0.3 ms, and the cache has a new size at every token.

    Args:
        config: whose layers and heads it follows.
        like: a weight of the model, whose device and number type it follows.
        rows: sequences side by side.
        capacity: tokens that it can hold; None takes the model's context length.
    """

    def __init__(
        self, config: ModelConfig, like: Tensor, rows: int = 1, capacity: int | None = None
    ) -> None:
        self.capacity = capacity or config.context_length
        self.length = 0
        shape = (
            config.num_layers,
            rows,
            config.num_key_value_heads,
            self.capacity,
            config.head_dim,
        )
        self.dtype = torch.float32 if like.device.type == "cpu" else like.dtype
        self._keys = torch.empty(shape, dtype=self.dtype, device=like.device)
        self._values = torch.empty_like(self._keys)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Put a layer's new keys and values, ``(B, K, T, D)``; return all, ``(B, K, S, D)``.

        ``length`` grows by ``advance`` only, when every layer has put its own.
        """
        end = self.length + keys.shape[2]
        all_keys, all_values = self._keys[layer, :, :, :end], self._values[layer, :, :, :end]
        all_keys[:, :, self.length :] = keys
        all_values[:, :, self.length :] = values
        return all_keys, all_values

    def advance(self, tokens: int) -> None:
        """Count ``tokens`` more as held."""
        self.length += tokens

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` tokens, to go on from there."""
        self.length = min(self.length, length)
