"""Steps that take documents out of a corpus, each by a rule that looks at more than one of them.

Each step looks at what the steps before have left, and gives every document that goes a reason.
Of each document a few numbers are in memory, of its text nothing: see ``chunk_work.py``.

Evaluation texts go before paragraphs are taken out, which could tear a leak apart, and before near
duplicates: else the one that stays of a cluster could be a leak, and go with all that is like it.
"""

from collections import Counter
from enum import IntEnum
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.params import NearDuplicatesParams
from tasks.preprocess.chunk_work import ChunkWork
from tasks.preprocess.cleaning import DIGEST_BYTES
from tasks.preprocess.digests import digests_in
from tasks.preprocess.earlier_texts import NOWHERE, EarlierTexts, Like
from tasks.preprocess.keys_aside import KeysAside
from tasks.preprocess.known_pairs import KnownPairs
from tasks.preprocess.minhash import similarities
from tasks.preprocess.near_duplicates import cluster_firsts
from tasks.preprocess.paragraphs import repeated
from tasks.preprocess.word_hashes import Places
from tasks.texts_aside import TextsAside

EARLIER = "in an earlier corpus"
EARLIER_WITHOUT = "in an earlier corpus but for repeated paragraphs"
NEAR_EARLIER = "near duplicate of an earlier corpus"
NAMING = (
    "evaluation text", "near duplicate", "classifier", EARLIER, EARLIER_WITHOUT, NEAR_EARLIER
)  # fmt: skip
"""The kinds of reasons that tell more after a colon: what the document is like, or its score."""


class Why(IntEnum):
    """Why a document goes."""

    STAYS = 0
    ITSELF = 1
    UNLIKE = 2
    EQUAL = 3
    EVALUATED = 4
    REPEATED = 5
    EQUAL_WITHOUT = 6
    NEAR = 7
    EARLIER = 8
    EARLIER_WITHOUT = 9
    NEAR_EARLIER = 10


OF_EARLIER = {
    Why.EARLIER: EARLIER,
    Why.EARLIER_WITHOUT: EARLIER_WITHOUT,
    Why.NEAR_EARLIER: NEAR_EARLIER,
}


class Documents:
    """A corpus in the order of its ids, and why each document goes.

    Args:
        work: the first layers of all chunks are there.
        earlier: the earlier corpora, of which all that is asked for is made.

    Attributes:
        why: of each document.
        digests: the content hash of each text, before paragraphs are taken out.
        starts: where each chunk begins, and where the last ends.
        firsts: of each document that is almost like an earlier one, that one; else itself.
        holders: of each document that goes for an earlier corpus, the place of that corpus.
    """

    def __init__(self, work: ChunkWork, earlier: EarlierTexts) -> None:
        self._work, self._earlier = work, earlier
        self.starts = np.cumsum([0, *(chunk.rows for chunk in work.chunks)])
        self.why = np.zeros(self.starts[-1], np.int8)
        self.digests = np.zeros(self.starts[-1], f"S{DIGEST_BYTES}")
        self._left = self.digests  # the hashes of what is left of the texts
        self.firsts = np.zeros(0, np.int64)
        self.holders = np.full(len(self.why), NOWHERE, np.int32)
        self._named: dict[int, str] = {}  # the earlier documents that some are almost like
        for chunk, part in zip(work.chunks, self.parts(), strict=True):
            worth = work.read(chunk, "worth", ["reason", "digest"])
            self.why[part][worth["reason"].is_valid().to_numpy()] = Why.ITSELF
            self.digests[part] = digests_in(worth["digest"])

    def parts(self) -> list[slice]:
        """The places of each chunk's documents."""
        return [slice(*ends) for ends in zip(self.starts, self.starts[1:], strict=False)]

    def staying(self) -> NDArray[np.int64]:
        """The places of the documents that no step has dropped so far."""
        return np.flatnonzero(self.why == Why.STAYS)

    def drop_unlike(self, min_score: float) -> None:
        """Drop texts that the classifier scores lower than this."""
        for chunk, part in zip(self._work.chunks, self.parts(), strict=True):
            scores = self._work.read(chunk, "scores")["score"].to_numpy()
            why = self.why[part]
            why[(why == Why.STAYS) & (scores < min_score)] = Why.UNLIKE

    def drop_held(self) -> None:
        """Drop texts that an earlier corpus has, white space aside."""
        self._drop_held(self.digests, Why.EARLIER)

    def _drop_held(self, digests: NDArray[np.bytes_], why: Why) -> None:
        staying = self.staying()
        holders = self._earlier.holders(digests[staying])
        held = staying[holders != NOWHERE]
        self.holders[held] = holders[holders != NOWHERE]
        self.why[held] = why

    def of_earlier(self, place: int) -> str:
        """The reason of a document that goes for an earlier corpus, which it names."""
        corpus = self._earlier.corpora[self.holders[place]].name
        also = f", {self._named[place]}" if place in self._named else ""
        return f"{OF_EARLIER[Why(int(self.why[place]))]}: {corpus}{also}"

    def drop_equal(self) -> None:
        """Drop texts that an earlier document has, white space aside."""
        staying = self.staying()
        self.why[staying[repeated(self.digests[staying])]] = Why.EQUAL

    def drop_evaluated(self) -> Counter[str]:
        """Drop texts that hold, or held, a piece of an evaluation set; returns what each cost."""
        cost: Counter[str] = Counter()
        for chunk, part in zip(self._work.chunks, self.parts(), strict=True):
            sets = self._work.read(chunk, "leaks", ["evaluation_set"])["evaluation_set"]
            why = self.why[part]
            going = (why == Why.STAYS) & sets.is_valid().to_numpy()
            why[going] = Why.EVALUATED
            cost.update(sets.filter(pa.array(going)).to_pylist())
        return cost

    def drop_repeated_paragraphs(self, min_characters: int) -> int:
        """Take out paragraphs that stood before, and drop texts of which too little is left.

        What stands in an earlier corpus stood before. So are those dropped that an earlier document
        has now, white space aside: its split, which the whole text decides, may be another one. A
        document that goes keeps its whole text.
        Returns how many paragraphs stood before.
        """
        hashes, counts = [np.zeros(0, f"S{DIGEST_BYTES}")], []
        for chunk, part in zip(self._work.chunks, self.parts(), strict=True):
            lists = self._work.read(chunk, "paragraphs")["hashes"].combine_chunks()
            lists = lists.filter(pa.array(self.why[part] == Why.STAYS))
            hashes.append(digests_in(lists.flatten()))
            counts.append(lists.value_lengths().to_numpy())
        stood_before = repeated(np.concatenate(hashes))
        stood_before |= self._earlier.hold_paragraphs(np.concatenate(hashes))
        total, begins = int(stood_before.sum()), 0
        these: list[pa.Array | None] = []
        for part, of_staying in zip(self.parts(), counts, strict=True):
            of_all = np.zeros(part.stop - part.start, np.int64)
            of_all[self.why[part] == Why.STAYS] = of_staying
            flags = stood_before[begins : begins + of_staying.sum()]
            begins += len(flags)
            ends = pa.array(np.cumsum([0, *of_all]), pa.int32())
            these.append(pa.ListArray.from_arrays(ends, pa.array(flags)) if flags.any() else None)
        del hashes, stood_before
        self._work.make_shortened(these)

        staying = self.why == Why.STAYS
        digests = self._left = self.digests.copy()
        for chunk, part in zip(self._work.chunks, self.parts(), strict=True):
            if "shortened" in chunk.layers:
                layer = self._work.read(chunk, "shortened", ["digest", "characters"])
                changed = layer["digest"].is_valid().to_numpy()
                too_short = pc.fill_null(pc.less(layer["characters"], min_characters), False)
                digests[part][changed] = digests_in(layer["digest"].drop_null())
                self.why[part][too_short.to_numpy() & staying[part]] = Why.REPEATED
        self._drop_held(digests, Why.EARLIER_WITHOUT)
        places = self.staying()
        self.why[places[repeated(digests[places])]] = Why.EQUAL_WITHOUT
        return total

    def drop_near_duplicates(self, params: NearDuplicatesParams, aside: Path) -> None:
        """Drop texts that are almost that of an earlier document, which the reason names.

        Documents of earlier corpora that share a key with one of these stand before all of them.

        Args:
            params: when two are almost the same.
            aside: a folder for what has to be looked up.
        """
        if all("keys" not in chunk.layers for chunk in self._work.chunks):
            self._work.make_keys()
        staying = self.staying()
        bounds = np.searchsorted(staying, self.starts)
        parts = [slice(*ends) for ends in zip(bounds, bounds[1:], strict=False)]
        local = [staying[s] - start for s, start in zip(parts, self.starts, strict=False)]

        def put_keys(keys: KeysAside, start: int) -> None:
            for chunk, part, rows in zip(self._work.chunks, parts, local, strict=True):
                these = slice(start + part.start, start + part.stop)
                keys.put(these, self._work.read(chunk, "keys"), rows)

        before = self._earlier.none()
        if self._earlier.corpora:
            with KeysAside(aside, params.bands, len(staying)) as keys:
                put_keys(keys, 0)
                before = self._earlier.like(keys)
        start = len(before)
        count = start + len(staying)

        def bring(place: int) -> None:
            if place < start:
                before.put_texts(texts)
                return
            number = int(np.searchsorted(bounds, place - start, side="right")) - 1
            part, of_chunk = parts[number], self._work.texts(self._work.chunks[number])
            these = np.flatnonzero(alike[part])
            rows = pa.array(local[number][these])
            texts.put(start + part.start + these, of_chunk.take(rows))

        with (
            KeysAside(aside, params.bands, count) as keys,
            TextsAside(aside, count, bring) as texts,
        ):
            before.put_keys(keys)
            put_keys(keys, start)
            alike = keys.alike()[start:] if params.jaccard is not None else np.zeros(0, bool)
            pairs = KnownPairs(
                self._work.kept,
                np.concatenate([before.digests(), self._left[staying]]),
                params.shingle,
                partial(similarities, texts, shingle=params.shingle),
            )
            firsts = cluster_firsts(keys, pairs, params.jaccard)[start:]
            pairs.keep()
        is_new = firsts >= start
        self.firsts = np.arange(len(self.why))
        self.firsts[staying[is_new]] = staying[firsts[is_new] - start]
        self.why[self.firsts != np.arange(len(self.why))] = Why.NEAR
        self._drop_near_earlier(staying[~is_new], firsts[~is_new], before)

    def _drop_near_earlier(self, places: Places, firsts: Places, before: Like) -> None:
        named = before.named(np.unique(firsts))
        for place, first in zip(places.tolist(), firsts.tolist(), strict=True):
            self._named[place] = named[first].id
            self.holders[place] = named[first].corpus
        self.why[places] = Why.NEAR_EARLIER


def kind(reason: str) -> str:
    """What a reason is counted as: without what it names.

    >>> kind("near duplicate: folder/a.txt"), kind("too short")
    ('near duplicate', 'too short')
    """
    return next((each for each in NAMING if reason.startswith(f"{each}: ")), reason)
