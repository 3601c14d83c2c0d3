"""Words as numbers: texts become arrays of 64-bit hashes, and so do their runs of n words.

Duplicates and evaluation texts are both found by such runs, whatever the case, the width and the
punctuation. A word is a run of letters and digits; where a script writes no spaces (Chinese,
Japanese, Thai and their like), each character is a word. All is done on whole arrays of many texts
at once: a run's hash is the difference of two prefix sums of a polynomial modulo 2^64, whose
multiplier is odd and so has an inverse. The numbers are the same on every machine with the same
Python: what is a letter, and which letters are one in another case or width, is for Unicode to say,
and each Python brings a version of it (3.11: 14.0, 3.12: 15.0), which differ in rare characters.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

BLOCK_CHARACTERS = 250_000
"""As many characters are worked on at once: their arrays stay in the processor's cache."""

_SEPARATOR, _LETTER, _DIGIT, _CHARACTER = 0, 1, 2, 3
_KINDS = {"L": _LETTER, "M": _LETTER, "N": _DIGIT}
_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # iteration mark, zero
    (0x3040, 0x312F),  # kana, Bopomofo
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Chinese characters
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)
_MULTIPLIER = 0x9E3779B97F4A7C15
_INVERSE = pow(_MULTIPLIER, -1, 2**64)


class HashedWords(NamedTuple):
    """The words of some texts, one text after the other.

    Attributes:
        hashes: a hash of each word.
        is_character: whether it is a character of a script without spaces.
        is_number: whether it begins with a digit.
        borders: where each text's words begin, and where the last's end; one more than texts.
    """

    hashes: Hashes
    is_character: NDArray[np.bool_]
    is_number: NDArray[np.bool_]
    borders: Places


class WordRuns(NamedTuple):
    """All runs of n words of some texts; a text with fewer words has one, of all that it has.

    Attributes:
        hashes: a hash of each run, evenly spread over 64 bits.
        borders: where each text's runs begin, and where the last's end; one more than texts.
    """

    hashes: Hashes
    borders: Places


def blocks(texts: Sequence[str], characters: int = BLOCK_CHARACTERS) -> Iterator[slice]:
    """Consecutive parts of a list of texts, each of about so many characters, in order."""
    start = size = 0
    for number, text in enumerate(texts):
        size += len(text)
        if size >= characters:
            yield slice(start, number + 1)
            start, size = number + 1, 0
    if start < len(texts):
        yield slice(start, len(texts))


def hashed_words(texts: Sequence[str]) -> HashedWords:
    """The words of some texts.

    >>> a, b = hashed_words(["Ｃａｆé, 中文!"]), hashed_words(["café 中 文"])
    >>> bool((a.hashes == b.hashes).all()), len(a.hashes)
    (True, 3)
    """
    values, kinds = _characters()
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    kind = kinds[codes]

    # A word of letters begins where none came before, and where a text does.
    letter = (kind == _LETTER) | (kind == _DIGIT)
    goes_on = np.zeros(len(codes) + 1, bool)
    goes_on[1:-1] = letter[1:] & letter[:-1]
    goes_on[ends] = False
    inside = kind != _SEPARATOR
    starts = np.flatnonzero(inside & ~goes_on[:-1])
    stops = np.flatnonzero(inside & ~goes_on[1:]) + 1

    hashes = _runs(values[codes], starts, stops)
    borders = np.searchsorted(starts, np.concatenate([[0], ends]))
    first = kind[starts]
    return HashedWords(hashes, first == _CHARACTER, first == _DIGIT, borders)


def word_runs(words: HashedWords, length: int) -> WordRuns:
    """All runs of ``length`` words of each text."""
    counts = np.diff(words.borders)
    runs = np.where(counts > 0, np.maximum(counts - length + 1, 1), 0)
    borders = np.concatenate([[0], np.cumsum(runs)])
    starts = places(words.borders[:-1], runs)
    stops = np.minimum(starts + length, np.repeat(words.borders[1:], runs))
    return WordRuns(_runs(words.hashes, starts, stops), borders)


def places(starts: Places, counts: Places) -> Places:
    """So many consecutive places from each start on, all one after the other.

    >>> places(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - before, counts)


def mixed(numbers: Hashes) -> Hashes:
    """Each number with its bits mixed, a bijection: the finaliser of SplitMix64.

    Steele, Lea, Flood 2014: Fast Splittable Pseudorandom Number Generators, figure 17.
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _runs(values: Hashes, starts: Places, stops: Places) -> Hashes:
    """A hash of the values from each start to its stop."""
    powers = np.full(len(values) + 1, _MULTIPLIER, np.uint64)
    powers[0] = 1
    np.multiply.accumulate(powers, out=powers)
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * powers[:-1], out=sums[1:])
    inverses = np.full(len(values) + 1, _INVERSE, np.uint64)
    inverses[0] = 1
    np.multiply.accumulate(inverses, out=inverses)
    return mixed((sums[stops] - sums[starts]) * inverses[starts])


@cache
def _characters() -> tuple[Hashes, NDArray[np.uint8]]:
    """Of every code point: a hash of its folded form, and what it is in a word.

    Folded one to one, by case and width; beyond the Basic Multilingual Plane nothing is folded, and
    each character (rare Chinese ones, emoji) is a word.
    """
    folded = np.arange(0x110000, dtype=np.uint64)
    kinds = np.full(0x110000, _CHARACTER, np.uint8)
    for code in range(0x10000):
        character = chr(code)
        form = unicodedata.normalize("NFKC", character).lower()
        if len(form) == 1:
            folded[code] = ord(form)
        kinds[code] = _KINDS.get(unicodedata.category(character)[0], _SEPARATOR)
    kinds[ord("_")] = _LETTER
    for first, last in _SPACELESS:
        part = kinds[first : last + 1]
        part[part == _LETTER] = _CHARACTER
    return mixed((folded + np.uint64(1)) * np.uint64(_MULTIPLIER)), kinds
