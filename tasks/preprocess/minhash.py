"""MinHash with bands: texts that share most of their shingles get a common key, others hardly ever.

A shingle is a run of words. Under a random order of all shingles, the first one of text A is the
first of text B as well with a chance that is their Jaccard similarity s (Broder 1997, On the
resemblance and containment of documents). A band joins ``rows`` such firsts into one key, so two
texts have one of ``bands`` keys in common with a chance of 1 - (1 - s^rows)^bands.

An order is given by x -> a x + b modulo 2^32, a odd: a bijection that numpy computes sixteen at a
time, of shingles that are evenly spread already. The 2^61 - 1 that is usual takes a division each.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.preprocess.word_hashes import (
    Hashes,
    Places,
    WordRuns,
    blocks,
    hashed_words,
    mixed,
    places,
    word_runs,
)

PAIRS_AT_ONCE = 30_000
"""Their numbers, and those of their texts, have to fit into 16 bits."""

CHARACTERS_AT_ONCE = 2_000_000


class BandKeys(NamedTuple):
    """The keys of some texts.

    Attributes:
        keys: (bands, texts).
        has_words: (texts,); one without words has keys that mean nothing.
    """

    keys: Hashes
    has_words: NDArray[np.bool_]


def band_keys(texts: Sequence[str], *, shingle: int, bands: int, rows: int) -> BandKeys:
    """The keys of each text, which depend on nothing but that text and the numbers given.

    Args:
        texts: any texts.
        shingle: words of a shingle.
        bands: keys of a text.
        rows: shingles that a key is made of.
    """
    keys = np.zeros((bands, len(texts)), np.uint64)
    has_words = np.zeros(len(texts), bool)
    for block in blocks(texts):
        runs = word_runs(hashed_words(texts[block]), shingle)
        filled = np.diff(runs.borders) > 0
        has_words[block] = filled
        if filled.any():
            keys[:, block][:, filled] = _keys(runs, runs.borders[:-1][filled], bands, rows)
    return BandKeys(keys, has_words)


def _keys(runs: WordRuns, starts: Places, bands: int, rows: int) -> Hashes:
    """The keys of the texts whose runs begin at the starts: (bands, starts)."""
    shingles = (runs.hashes >> np.uint64(32)).astype(np.uint32)
    numbers = mixed(np.arange(1, bands * rows + 1, dtype=np.uint64))
    multipliers = numbers.astype(np.uint32) | np.uint32(1)
    summands = (numbers >> np.uint64(32)).astype(np.uint32)
    ordered = np.empty_like(shingles)
    firsts = np.empty(len(starts), np.uint32)
    keys = np.zeros((bands, len(starts)), np.uint64)
    for row, (multiplier, summand) in enumerate(zip(multipliers, summands, strict=True)):
        np.multiply(shingles, multiplier, out=ordered)
        np.add(ordered, summand, out=ordered)
        np.minimum.reduceat(ordered, starts, out=firsts)
        band = keys[row // rows]
        band[:] = mixed(band + firsts)
    return keys


class Texts(Protocol):
    """A list of texts, or the like on disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> str: ...


def similarities(texts: Texts, left: Places, right: Places, *, shingle: int) -> NDArray[np.float64]:
    """The Jaccard similarity of pairs of texts: shingles that both have, of those that either has.

    Counted, not estimated, on 48 bits of each shingle.

    Args:
        texts: any texts.
        left: the place in ``texts`` of one of each pair.
        right: that of the other.
        shingle: words of a shingle.
    """
    found = np.zeros(len(left))
    sizes = np.array([len(texts[a]) + len(texts[b]) for a, b in zip(left, right, strict=True)])
    start = 0
    while start < len(left):
        ahead = np.cumsum(sizes[start : start + PAIRS_AT_ONCE])
        part = slice(start, start + max(1, int(np.searchsorted(ahead, CHARACTERS_AT_ONCE))))
        found[part] = _similarities(texts, left[part], right[part], shingle)
        start = part.stop
    return found


def _similarities(texts: Texts, left: Places, right: Places, shingle: int) -> NDArray[np.float64]:
    involved, pair = np.unique(np.stack([left, right]), return_inverse=True)
    left, right = pair.reshape(2, -1)
    runs = word_runs(hashed_words([texts[number] for number in involved]), shingle)
    sets = np.unique(_numbered(np.diff(runs.borders), runs.hashes >> np.uint64(16)))
    borders = np.searchsorted(sets, np.arange(len(involved) + 1, dtype=np.uint64) << np.uint64(48))
    sizes = np.diff(borders)

    # All shingles of either, with the pair's number in front: those of both are there twice.
    halves = [
        _numbered(sizes[side], sets[places(borders[side], sizes[side])]) for side in (left, right)
    ]
    shingles = np.sort(np.concatenate(halves))
    twice = shingles[1:][shingles[1:] == shingles[:-1]] >> np.uint64(48)
    both = np.bincount(twice.astype(np.int64), minlength=len(left))
    return both / np.maximum(sizes[left] + sizes[right] - both, 1)


def _numbered(counts: Places, hashes: Hashes) -> Hashes:
    """48 bits of each hash behind the number of the group that it is in; ``counts`` a group."""
    number = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
    return (number << np.uint64(48)) | (hashes & np.uint64(2**48 - 1))
