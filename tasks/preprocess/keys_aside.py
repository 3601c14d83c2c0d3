"""The keys that the search for near duplicates looks up a band at a time, on disk.

Of a large corpus they alone are as large as memory should be.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.preprocess.layers.keys import keys_in
from tasks.preprocess.near_duplicates import buckets
from tasks.preprocess.word_hashes import Hashes, Places
from tasks.texts_aside import Aside


class KeysAside(Aside):
    """The keys of many texts, band after band.

    Attributes:
        has_words: of each text.
    """

    def __init__(self, folder: Path, bands: int, count: int) -> None:
        super().__init__(folder)
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
