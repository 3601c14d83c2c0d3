"""Texts that are looked up one by one, in any order: on disk, since they may be more than memory.

The file has no name, so nothing of it is left, however the process ends.
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Aside:
    """A file that is gone when the block is left.

    Args:
        folder: on the disk that is to hold it.
    """

    def __init__(self, folder: Path) -> None:
        self._file = TemporaryFile(dir=folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


class TextsAside(Aside):
    """Some of many texts, or all, by their places.

    Args:
        folder: on the disk that is to hold them.
        count: how many there are in all.
        bring: is called with a place that is looked up and not there, and puts it, and others that
            are got with it; None: all are put before any is looked up.

    Attributes:
        sizes: bytes of each text that is there, int32 ``(count,)``.
    """

    def __init__(
        self, folder: Path, count: int, bring: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(folder)
        self._bring = bring
        self._starts = np.full(count, -1, np.int64)
        self.sizes = np.zeros(count, np.int32)
        self._end = 0

    def put(self, places: NDArray[np.int64], texts: pa.ChunkedArray) -> None:
        """The texts at these places."""
        contents = [text.encode() for text in texts.to_pylist()]
        sizes = np.fromiter(map(len, contents), np.int64, len(contents))
        self._starts[places] = self._end + np.cumsum(sizes) - sizes
        self.sizes[places] = sizes
        self._file.writelines(contents)
        self._file.flush()
        self._end += int(sizes.sum())

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, place: int) -> str:
        if self._bring is not None and self._starts[place] < 0:
            self._bring(place)
        return os.pread(
            self._file.fileno(), int(self.sizes[place]), int(self._starts[place])
        ).decode()
