"""How alike pairs of texts are, kept from run to run: most of them were compared before."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.arrow_bytes import from_bytes, to_bytes
from tasks.kept_results import KeptResults
from tasks.preprocess.layers.fingerprints import hashed
from tasks.preprocess.near_duplicates import Compared
from tasks.preprocess.word_hashes import Hashes, Places, mixed
from tasks.program import program

LAYER = "pairs"


class KnownPairs:
    """Looks pairs up, compares those that are not known, and keeps all that were asked for.

    Args:
        kept: where.
        digests: the content hash of each text, which stands for its words in their order.
        shingle: words of a shingle.
        compared: what compares pairs.
    """

    def __init__(
        self, kept: KeptResults, digests: NDArray[np.bytes_], shingle: int, compared: Compared
    ) -> None:
        self._kept, self._compared = kept, compared
        # A pair's name has 64 bits: of ten million pairs two have the same with a chance of one in
        # 300,000.
        self._numbers = digests.view(np.uint64)[::2]
        self._print = hashed(LAYER, program("tasks.preprocess.minhash"), str(shingle))
        content = kept.find(LAYER, self._print)
        known = from_bytes(content) if content is not None else _table([], [])
        self._names = known["pair"].to_numpy()
        self._values = known["similarity"].to_numpy()
        self._asked: list[tuple[Hashes, NDArray[np.float64]]] = []

    def __call__(self, left: Places, right: Places) -> NDArray[np.float64]:
        """The similarity of each pair."""
        names = mixed(mixed(self._numbers[left]) + self._numbers[right])
        place = np.searchsorted(self._names, names)
        is_known = place < len(self._names)
        is_known[is_known] = self._names[place[is_known]] == names[is_known]
        values = np.zeros(len(names))
        values[is_known] = self._values[place[is_known]]
        values[~is_known] = self._compared(left[~is_known], right[~is_known])
        self._asked.append((names, values))
        return values

    def keep(self) -> None:
        """Keep what was asked for, and nothing else, so that it does not grow for ever."""
        if not self._asked:
            return
        names, values = (np.concatenate(part) for part in zip(*self._asked, strict=True))
        names, first = np.unique(names, return_index=True)
        self._kept.keep(LAYER, self._print, to_bytes(_table(names, values[first])))


def _table(names: Hashes | list[int], values: NDArray[np.float64] | list[float]) -> pa.Table:
    return pa.table(
        {"pair": pa.array(names, pa.uint64()), "similarity": pa.array(values, pa.float64())}
    )
