"""A random few of a stream of values, whatever its length: those with the lowest random numbers."""

from typing import Any

import numpy as np
import pyarrow as pa


class Reservoir:
    """Keeps ``size`` of the values that it is offered, each with the same chance."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: list[tuple[float, Any]] = []

    def offer(self, order: np.ndarray, values: pa.ChunkedArray | pa.Table) -> None:
        """Take some of these values: those whose random numbers, ``order`` (N,), are the lowest."""
        lowest = np.argsort(order, kind="stable")[: self._size]
        new = zip(order[lowest].tolist(), values.take(lowest).to_pylist(), strict=True)
        self._kept = sorted([*self._kept, *new], key=lambda pair: pair[0])[: self._size]

    def values(self) -> list[Any]:
        """What was kept, in a random order."""
        return [value for _, value in self._kept]
