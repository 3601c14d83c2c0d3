"""Documents that are the same as in an earlier run, although their chunk is not.

A document that comes, goes or changes makes its chunk another one; the others in it are as they
were. What became of them is borrowed from the chunk that they were in, so that new documents which
are scattered among old ones cost hardly more than new documents that stand together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tasks.arrow_bytes import column_names, from_bytes, to_bytes
from tasks.kept_results import KeptResults
from tasks.preprocess.cleaning import DIGEST_BYTES
from tasks.preprocess.digests import digests_in
from tasks.preprocess.layers.asked import lacking, stays, unknown
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

    def with_new(
        self, new: Mapping[str, bytes], prints: Fingerprints, kept: KeptResults
    ) -> dict[str, bytes]:
        """All layers of the chunk, of what is lent and what is new.

        Args:
            new: those of the new documents.
            prints: what layers there are.
            kept: where those of the lenders are.
        """
        layers = {}
        for name in prints.first:
            tables = [from_bytes(kept[name, of[name]]).take(some) for of, some in self.lenders]
            tables += [from_bytes(new[name])] if len(self.new) else []
            layers[name] = to_bytes(pa.concat_tables(tables).take(self.order))
        for name in prints.found:
            parts: list[pa.Table | int] = []  # tables, or how many rows are not there
            for of, some in self.lenders:
                content = kept.look_at(name, of[name])
                parts.append(from_bytes(content).take(some) if content is not None else len(some))
            if len(self.new):
                parts.append(from_bytes(new[name]) if name in new else len(self.new))
            if schema := next((part.schema for part in parts if not isinstance(part, int)), None):
                tables = [unknown(p, schema) if isinstance(p, int) else p for p in parts]
                layers[name] = to_bytes(pa.concat_tables(tables).take(self.order))
        return layers


class Lenders:
    """The chunks of earlier runs of which all first layers are kept.

    Of each only the hashes of its documents are read, until it is to lend some.
    """

    def __init__(self, kept: KeptResults, prints: Fingerprints) -> None:
        self._kept, self._prints = kept, prints
        self._names = kept.unused("rows")
        self._lends: dict[int, bool] = {}
        hashes = [np.zeros(0, f"S{DIGEST_BYTES}")]
        lenders, places = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for number, name in enumerate(self._names):
            content = kept.look_at("rows", name)
            found = digests_in(from_bytes(content)["row"]) if content is not None else hashes[0]
            hashes.append(found)
            lenders.append(np.full(len(found), number, np.int32))
            places.append(np.arange(len(found)))
        self._hashes = np.concatenate(hashes)
        order = np.argsort(self._hashes, kind="stable")
        self._hashes = self._hashes[order]
        self._lenders = np.concatenate(lenders)[order]
        self._places = np.concatenate(places)[order]

    def known(self, raw: pa.Table) -> Borrowed | None:
        """Where a chunk's documents are known from; None where too few are."""
        hashes = digests_in(rows(raw)["row"])
        while len(self._hashes):
            place = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
            is_known = self._hashes[place] == hashes
            if is_known.mean() < WORTH_IT:
                break
            known, new = np.flatnonzero(is_known), np.flatnonzero(~is_known)
            lender = self._lenders[place[known]]
            if not all(map(self._can_lend, numbers := np.unique(lender).tolist())):
                # The same documents may stand in a chunk that can.
                refusing = [each for each, can_lend in self._lends.items() if not can_lend]
                left = ~np.isin(self._lenders, refusing)
                self._hashes, self._lenders = self._hashes[left], self._lenders[left]
                self._places = self._places[left]
                continue
            by_lender = np.argsort(lender, kind="stable")
            rows_there: Places = self._places[place[known]][by_lender]
            starts = np.searchsorted(lender[by_lender], numbers)
            order = np.empty(len(hashes), np.int64)
            order[np.concatenate([known[by_lender], new])] = np.arange(len(hashes))
            layers = [self._prints.of_first(self._names[number]) for number in numbers]
            parts = np.split(rows_there, starts[1:])
            return Borrowed(list(zip(layers, parts, strict=True)), new, order)
        return None

    def _can_lend(self, number: int) -> bool:
        """Whether all that has to be known of a chunk's documents is."""
        if number not in self._lends:
            layers = self._prints.of_first(self._names[number])
            there = {name: self._kept.look_at(name, layers[name]) for name in self._prints.first}
            self._lends[number] = _is_complete(there, self._prints)
        return self._lends[number]


def _is_complete(layers: Mapping[str, bytes | None], prints: Fingerprints) -> bool:
    """Whether all layers are there, with all rows that are asked for."""
    there = {name: content for name, content in layers.items() if content is not None}
    if len(there) < len(layers):
        return False
    wanted = stays(from_bytes(there["worth"], ["reason"]))
    firsts = (from_bytes(there[name], column_names(there[name])[:1]) for name in prints.asked)
    return not any(len(lacking(first, wanted)) for first in firsts)
