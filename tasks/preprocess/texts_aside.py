"""What the search for near duplicates looks up, on disk: keys a band at a time, texts one by one.

Of a large corpus the keys alone are as large as memory should be, and the texts that share one lie
anywhere in it.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.preprocess.layers.keys import keys_in
from tasks.preprocess.near_duplicates import buckets
from tasks.preprocess.word_hashes import Hashes, Places


class _Aside:
    """A file that is gone when the block is left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "w+b")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink()


class KeysAside(_Aside):
    """The keys of many texts, band after band.

    Attributes:
        has_words: of each text.
    """

    def __init__(self, path: Path, bands: int, count: int) -> None:
        super().__init__(path)
        self._bands, self._count = bands, count
        self.has_words = np.zeros(count, bool)

    def put(self, part: slice, layer: pa.Table, rows: Places) -> None:
        """The keys of consecutive texts, which are these rows of a layer ``keys``."""
        found = keys_in(layer.take(pa.array(rows)))
        self.has_words[part] = found.has_words
        for band, of_band in enumerate(found.keys):
            place = 8 * (band * self._count + part.start)
            os.pwrite(self._file.fileno(), of_band.tobytes(), place)

    @property
    def keys(self) -> Iterator[Hashes]:
        """Those of each band."""
        for band in range(self._bands):
            self._file.seek(8 * band * self._count)
            yield np.fromfile(self._file, np.uint64, self._count)

    def alike(self) -> NDArray[np.bool_]:
        """Which texts share a key with another."""
        alike = np.zeros(self._count, bool)
        for band in self.keys:
            alike[buckets(band, self.has_words)[0]] = True
        return alike


class TextsAside(_Aside):
    """Some of many texts, by their places.

    Args:
        path: of a file for them.
        count: how many there are in all.
        bring: is called with a place that is looked up and not there, and puts it, and others that
            are got with it.
    """

    def __init__(self, path: Path, count: int, bring: Callable[[int], None]) -> None:
        super().__init__(path)
        self._bring = bring
        self._starts = np.full(count, -1, np.int64)
        self._bytes = np.zeros(count, np.int32)
        self._end = 0

    def put(self, places: Places, texts: pa.ChunkedArray) -> None:
        """The texts at these places."""
        contents = [text.encode() for text in texts.to_pylist()]
        sizes = np.array([len(content) for content in contents])
        self._starts[places] = self._end + np.cumsum(sizes) - sizes
        self._bytes[places] = sizes
        self._file.write(b"".join(contents))
        self._file.flush()
        self._end += int(sizes.sum())

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, place: int) -> str:
        if self._starts[place] < 0:
            self._bring(place)
        return os.pread(
            self._file.fileno(), int(self._bytes[place]), int(self._starts[place])
        ).decode()
