"""No text of an evaluation set in the corpus: documents that share a run of 13 words with one go.

As GPT-3 was trained (Brown et al. 2020, appendix C): a run of 13 words that a document has in
common with an evaluation text, whatever the case and the punctuation. In a script without spaces
characters take the place of words. Here as in GPT-3's first version the whole document goes, and
no run is excused for being frequent, so that a leak is found however often it was copied.

A text of fewer than 13 words is sought as a whole, if it has 8, the least that GPT-3 took for n,
or 13 characters, which are about as much. Shorter ones ("What is Python?") anyone writes; they are
counted as ``too_short``, as are those of which each run is mostly numbers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from tasks.preprocess.evaluation_sets import EvaluationSet
from tasks.preprocess.word_hashes import (
    HashedWords,
    Hashes,
    Places,
    WordRuns,
    blocks,
    hashed_words,
    places,
    word_runs,
)

RUN = 13
LEAST_WORDS, LEAST_CHARACTERS = 8, 13


class EvaluationSetReport(BaseModel):
    """An evaluation set: its items, those too short to be sought, and the documents it cost."""

    items: int
    too_short: int
    documents: int


class Leak(NamedTuple):
    """The item that a document holds a run of: the first, in the order of the sets."""

    evaluation_set: str
    item: str

    @property
    def reason(self) -> str:
        """Why the document goes."""
        return f"evaluation text: {self.evaluation_set}, {self.item}"


class _Runs(NamedTuple):
    """The runs of one length that are sought, sorted, and the number of the item that has each.

    ``sieve`` holds for the first bits of a hash whether any run begins with them: one look into a
    table that fits the processor's cache spares most searches.
    """

    hashes: Hashes
    items: Places
    sieve: NDArray[np.bool_]
    shift: np.uint64


class Decontamination:
    """Evaluation sets, ready to be found in documents.

    Args:
        sets: the evaluation sets; all of their texts are sought.
    """

    def __init__(self, sets: Sequence[EvaluationSet]) -> None:
        self._sets = sets
        self._names = [Leak(each.name, item.name) for each in sets for item in each.items]
        items = [item for each in sets for item in each.items]
        texts = [text for item in items for text in item.texts]
        owners = np.repeat(np.arange(len(items)), [len(item.texts) for item in items])
        self._is_sought = np.zeros(len(items), bool)
        found: dict[int, list[tuple[Hashes, Places]]] = {}
        for block in blocks(texts):
            words = hashed_words(texts[block])
            runs = word_runs(words, RUN)
            counts = np.diff(runs.borders)
            item = np.repeat(owners[block], counts)
            length = np.repeat(np.minimum(np.diff(words.borders), RUN), counts)
            telling = _telling(words, runs)
            self._is_sought[item[telling]] = True
            for size in np.unique(length[telling]).tolist():
                these = telling & (length == size)
                found.setdefault(size, []).append((runs.hashes[these], item[these]))
        self._runs = {size: _sorted_runs(parts) for size, parts in sorted(found.items())}

    def leaks(self, texts: Sequence[str]) -> list[Leak | None]:
        """For each text the evaluation item that it holds a run of, None where there is none."""
        nothing = len(self._names)
        first = np.full(len(texts), nothing)
        for block in blocks(texts):
            words = hashed_words(texts[block])
            for size, sought in self._runs.items():
                runs = word_runs(words, size)
                near = np.flatnonzero(sought.sieve[runs.hashes >> sought.shift])
                place = np.searchsorted(sought.hashes, runs.hashes[near])
                place = np.minimum(place, len(sought.hashes) - 1)
                hit = sought.hashes[place] == runs.hashes[near]
                text = np.searchsorted(runs.borders, near[hit], side="right") - 1
                np.minimum.at(first[block], text, sought.items[place[hit]])
        return [None if item == nothing else self._names[item] for item in first.tolist()]

    def report(self, cost: Mapping[str, int]) -> dict[str, EvaluationSetReport]:
        """What each set has, and the documents that it cost, both by the set's name."""
        ends = np.cumsum([len(each.items) for each in self._sets])
        return {
            each.name: EvaluationSetReport(
                items=len(each.items),
                too_short=int(np.count_nonzero(~self._is_sought[end - len(each.items) : end])),
                documents=cost.get(each.name, 0),
            )
            for each, end in zip(self._sets, ends, strict=True)
        }


def _telling(words: HashedWords, runs: WordRuns) -> NDArray[np.bool_]:
    """Which runs are long enough, and not mostly numbers, to say where a text is from."""
    counts = np.diff(runs.borders)
    starts = places(words.borders[:-1], counts)
    stops = np.minimum(starts + RUN, np.repeat(words.borders[1:], counts))
    characters, numbers = (
        sums[stops] - sums[starts]
        for sums in (
            np.concatenate([[0], np.cumsum(mask)]) for mask in (words.is_character, words.is_number)
        )
    )
    size = stops - starts
    weight = (size - characters) * LEAST_CHARACTERS + characters * LEAST_WORDS
    return (weight >= LEAST_WORDS * LEAST_CHARACTERS) & (2 * numbers <= size)


def _sorted_runs(parts: Sequence[tuple[Hashes, Places]]) -> _Runs:
    hashes, items = (np.concatenate(column) for column in zip(*parts, strict=True))
    hashes, first = np.unique(hashes, return_index=True)
    bits = min(max(len(hashes).bit_length() + 6, 12), 26)
    shift = np.uint64(64 - bits)
    sieve = np.zeros(2**bits, bool)
    sieve[hashes >> shift] = True
    return _Runs(hashes, items[first], sieve, shift)
