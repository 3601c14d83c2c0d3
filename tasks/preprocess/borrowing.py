"""Documents that are the same as in an earlier run, although their chunk is not.

A document that comes, goes or changes makes its chunk another one; the others in it are as they
were. What became of them is borrowed from the chunk that they were in, so that new documents which
are scattered among old ones cost hardly more than new documents that stand together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.arrow_bytes import from_bytes
from tasks.kept_results import KeptResults
from tasks.preprocess.cleaning import DIGEST_BYTES
from tasks.preprocess.digests import digests_in
from tasks.preprocess.layers.fingerprints import Fingerprints
from tasks.preprocess.layers.rows import rows
from tasks.preprocess.word_hashes import Places

WORTH_IT = 0.1
"""The least share of a chunk's documents that are known; with fewer, it is simply new."""


@dataclass(frozen=True)
class Borrowed:
    """Where the documents of a chunk are known from.

    Attributes:
        lenders: the fingerprints of the layers of each chunk that lends, and which rows it does.
        new: the places of those that are not known.
        order: of the rows of all lenders and the new ones, one after the other, which is where.
    """

    lenders: Sequence[tuple[dict[str, str], Places]]
    new: Places
    order: Places

    def layer(self, name: str, kept: KeptResults, new: pa.Table | None) -> pa.Table:
        """A layer of the chunk, of what is lent and what is new; None: nothing is."""
        parts = [from_bytes(kept[name, layers[name]]).take(some) for layers, some in self.lenders]
        return pa.concat_tables([*parts, *([new] if new is not None else [])]).take(self.order)


class Lenders:
    """The chunks of earlier runs of which all first layers are kept."""

    def __init__(self, kept: KeptResults, prints: Fingerprints) -> None:
        self._layers: list[dict[str, str]] = []
        hashes, lenders, places = [], [], []
        for name in kept.unused("rows"):
            layers = prints.of_first(name)
            if not all(kept.look_at(layer, layers[layer]) for layer in prints.first):
                continue
            found = digests_in(from_bytes(kept["rows", name])["row"])
            hashes.append(found)
            lenders.append(np.full(len(found), len(self._layers), np.int32))
            places.append(np.arange(len(found)))
            self._layers.append(layers)
        if not self._layers:
            self._hashes = np.zeros(0, f"S{DIGEST_BYTES}")
            return
        self._hashes = np.concatenate(hashes)
        order = np.argsort(self._hashes, kind="stable")
        self._hashes = self._hashes[order]
        self._lenders = np.concatenate(lenders)[order]
        self._places = np.concatenate(places)[order]

    def known(self, raw: pa.Table) -> Borrowed | None:
        """Where a chunk's documents are known from; None where too few are."""
        if not len(self._hashes):
            return None
        hashes = digests_in(rows(raw)["row"])
        place = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        is_known = self._hashes[place] == hashes
        if is_known.mean() < WORTH_IT:
            return None
        known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
        lender = self._lenders[place[known]]
        by_lender = np.argsort(lender, kind="stable")
        rows_there: Places = self._places[place[known]][by_lender]
        numbers, starts = np.unique(lender[by_lender], return_index=True)
        parts = np.split(rows_there, starts[1:])
        order = np.empty(len(hashes), np.int64)
        order[np.concatenate([known[by_lender], new])] = np.arange(len(hashes))
        return Borrowed(
            [(self._layers[number], part) for number, part in zip(numbers, parts, strict=True)],
            new,
            order,
        )
