"""Texts that say almost the same, in clusters: MinHash finds pairs, their shingles decide.

Pairs with a common key (minhash.py) are compared by all of their shingles, so chance lets a pair
be missed but never puts two texts together. Pairs of pairs make a cluster, as in FineWeb: of A, B
and C in a row, A and C may differ more. Where ``jaccard`` is null a common key is enough, which is
what FineWeb and datatrove do.

The first of each cluster stays, and as texts come in the order of their ids, that is the one with
the lowest id: the rule for equal documents and paragraphs, too. The longest would be no better:
what near duplicates have more than each other is mostly menus and notices.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.params import NearDuplicatesParams
from tasks.preprocess.minhash import band_keys, similarities
from tasks.preprocess.word_hashes import Hashes, Places

UNLIKE_FIRSTS = 16
"""A bucket's texts are compared with so many of its texts that are unlike one another, at most:
thousands of pages of one template would else all be compared with each other."""


Compared = Callable[[Places, Places], NDArray[np.float64]]


class Keys(Protocol):
    """``BandKeys``, or the like on disk: the keys of a band, of all texts, at a time."""

    @property
    def keys(self) -> Iterable[Hashes]: ...

    @property
    def has_words(self) -> NDArray[np.bool_]: ...


def clusters(texts: Sequence[str], params: NearDuplicatesParams) -> Places:
    """For each text the place of the first text of its cluster: its own, where it stays.

    Texts without a word are in no cluster.
    """
    keys = band_keys(texts, shingle=params.shingle, bands=params.bands, rows=params.rows)
    compared = partial(similarities, texts, shingle=params.shingle)
    return cluster_firsts(keys, compared, params.jaccard)


def cluster_firsts(keys: Keys, compared: Compared, jaccard: float | None) -> Places:
    """As ``clusters``, of texts of which the keys are known, and how alike two of them are.

    Args:
        keys: of all texts.
        compared: gives the Jaccard similarity of pairs of texts, which share a key.
        jaccard: how alike two have to be; None: a key in common is enough.
    """
    return _clusters_by_key(keys) if jaccard is None else _by_shingles(keys, compared, jaccard)


def _clusters_by_key(keys: Keys) -> Places:
    sets = DisjointSets(len(keys.has_words))
    for band in keys.keys:
        text, bucket = buckets(band, keys.has_words)
        same = bucket[1:] == bucket[:-1]
        sets.join(text[:-1][same], text[1:][same])
    return sets.first


def _by_shingles(keys: Keys, compared: Compared, jaccard: float) -> Places:
    count = len(keys.has_words)
    sets = DisjointSets(count)
    unlike = np.zeros(0, np.int64)  # pairs that were compared, as one number each
    for band in keys.keys:
        text, bucket = buckets(band, keys.has_words)
        for _ in range(UNLIKE_FIRSTS):
            starts = np.flatnonzero(np.diff(bucket, prepend=-1))
            first = np.repeat(text[starts], np.diff(starts, append=len(text)))
            apart = sets.first[first] != sets.first[text]
            pairs = np.setdiff1d(first[apart] * count + text[apart], unlike)
            left, right = np.divmod(pairs, count)
            alike = compared(left, right) >= jaccard
            sets.join(left[alike], right[alike])
            unlike = np.union1d(unlike, pairs[~alike])
            left_over = sets.first[first] != sets.first[text]
            if not left_over.any():
                break
            text, bucket = text[left_over], bucket[left_over]
    return sets.first


def buckets(band: NDArray[np.uint64], has_words: NDArray[np.bool_]) -> tuple[Places, Places]:
    """The texts that share their key with another, by bucket and place, and the bucket of each."""
    text = np.flatnonzero(has_words)
    text = text[np.argsort(band[text], kind="stable")]
    key = band[text]
    same = key[1:] == key[:-1]
    bucket = np.cumsum(np.concatenate([[True], ~same]))[: len(text)]
    shared = np.concatenate([[False], same])[: len(text)]
    shared[:-1] |= same
    return text[shared], bucket[shared]


class DisjointSets:
    """Union-find over whole arrays of pairs.

    Attributes:
        first: of each member, the first member of its set.
    """

    def __init__(self, members: int) -> None:
        self.first = np.arange(members)

    def join(self, left: Places, right: Places) -> None:
        """Make one set of the two that each pair is in."""
        while (apart := self.first[left] != self.first[right]).any():
            left, right = left[apart], right[apart]
            one, other = self.first[left], self.first[right]
            np.minimum.at(self.first, np.maximum(one, other), np.minimum(one, other))
            while not np.array_equal(further := self.first[self.first], self.first):
                self.first = further
