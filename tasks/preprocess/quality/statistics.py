"""What the quality filters ask about a document, each answer worked out once, when first asked.

Those that take long are numbers that no limit changes, so they can be kept and given once more: a
filter with another limit then has only to compare.

Words are runs of letters, digits and underscores, cut before "n't" and "'s"; numbers such as 3.5,
addresses and abbreviations stay whole, and every other sign is a token of its own: about what NLTK
and spaCy do, which the published limits were fitted with. Chinese: see
tasks/preprocess/quality/chinese.py.

N-grams get cheaper with their length: one that repeats begins with a shorter one that repeats, so
each length looks only where the one before found something.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from tasks.preprocess.quality import chinese
from tasks.preprocess.quality.many_tokens import MANY_TOKENS, n_gram_characters_of_many

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
"""The n of Gopher's n-grams, in words."""

STOP_WORDS = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])
"""Gopher's."""

_TOKENS = re.compile(
    r"https?://\S+"
    r"|\d+(?:[.,:/]\d+)+"
    r"|\b(?:(?:[^\W\d_]\.)+(?!\w)|(?:Dr|Mr|Mrs|Ms|Prof|St|Mt|Jr|Inc|Ltd|Co|vs|Nov|etc)\.)"
    r"|\w+?(?=n['’]t\b)|n['’]t\b|['’](?:s|re|ve|ll|d|m)\b"
    r"|\w+(?:(?:[.@](?=[a-z\d])|&|-(?=\d))\w+)*"
    r"|\.{2,}|--+|[^\w\s]"
)
_LINE_BREAKS = re.compile("\n+")
_PARAGRAPH_BREAKS = re.compile("\n{2,}")


Value = TypeVar("Value")
Numbers = dict[str, Any]


class number(Generic[Value]):
    """As ``cached_property``, of what stands among a document's ``numbers``."""

    def __init__(self, worked_out: Callable[[Any], Value]) -> None:
        self._worked_out, self.__doc__ = worked_out, worked_out.__doc__
        self._name = worked_out.__name__

    def __get__(self, document: "Statistics", kind: type) -> Value:
        numbers = document.numbers
        if self._name not in numbers:
            numbers[self._name] = self._worked_out(document)
        return numbers[self._name]


class Statistics:
    """The shared statistics of one document.

    Args:
        text: the clean text, not empty.
        lang: its language; ``zh`` is counted in characters.
        numbers: those known already, by the names of the properties; more come as they are asked.
    """

    def __init__(self, text: str, lang: str, numbers: Numbers | None = None) -> None:
        self.text = text
        self.numbers: Numbers = {} if numbers is None else numbers
        self.is_chinese = lang == "zh"
        self.is_english = lang == "en"

    @cached_property
    def tokens(self) -> list[str]:
        """Words and other signs, in order."""
        return (chinese.TOKENS if self.is_chinese else _TOKENS).findall(self.text)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each different token is there."""
        return Counter(self.tokens)

    @cached_property
    def _words_counts(self) -> dict[str, int]:
        # Only "'s" and its like have a letter and do not begin with one.
        return {
            token: count
            for token, count in self.counts.items()
            if token[0].isalnum() or token[0] == "_" or token[-1].isalpha()
        }

    @cached_property
    def _han(self) -> int:
        return len(chinese.HAN_CHARACTER.findall(self.text)) if self.is_chinese else 0

    @cached_property
    def units(self) -> int:
        """Tokens that are no mere signs: words, and in Chinese characters."""
        return sum(self._words_counts.values())

    @number
    def words(self) -> float:
        """How many words there are; in Chinese, by their average length."""
        return self.units - self._han + self._han / chinese.CHARACTERS_A_WORD

    @number
    def all_tokens(self) -> float:
        """Words, as ``words`` counts them, and signs: what shares of the words refer to."""
        return len(self.tokens) - self.units + self.words

    @number
    def mean_word_length(self) -> float:
        """Characters a word; 0 where there is none. Says nothing of Chinese."""
        held = sum(len(token) * count for token, count in self._words_counts.items())
        return held / self.units if self.units else 0.0

    @number
    def alphabetic_share(self) -> float:
        """The share of the tokens that have a letter in them."""
        letters = sum(
            count
            for token, count in self._words_counts.items()
            if token[0].isalpha() or any(map(str.isalpha, token))
        )
        return letters / len(self.tokens) if self.tokens else 0.0

    @number
    def stop_words(self) -> int:
        """How many different ones there are; those of English, or Chinese."""
        known = chinese.STOP_WORDS if self.is_chinese else STOP_WORDS
        return len(known & self.counts.keys())

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank."""
        return [line for line in self.text.split("\n") if line and not line.isspace()]

    @cached_property
    def line_breaks(self) -> int:
        """How many line breaks there are."""
        return self.text.count("\n")

    @number
    def repeated_lines(self) -> tuple[float, float]:
        """The share of lines that stood above already; that of the characters in them."""
        return repeated_share(_LINE_BREAKS.split(self.text), len(self.text))

    @number
    def repeated_paragraphs(self) -> tuple[float, float]:
        """As ``repeated_lines``, of what stands between blank lines."""
        return repeated_share(_PARAGRAPH_BREAKS.split(self.text.strip()), len(self.text))

    @number
    def n_grams(self) -> tuple[list[float], list[float]]:
        """Shares of characters: in the most frequent n-gram of each of ``TOP_SIZES``, and in
        n-grams that stood before, of each of ``DUPLICATE_SIZES``."""
        top: Sequence[int] = TOP_SIZES
        duplicate: Sequence[int] = DUPLICATE_SIZES
        if self.is_chinese:
            top, duplicate = (
                [chinese.characters(n) for n in sizes] for sizes in (TOP_SIZES, DUPLICATE_SIZES)
            )
        count = n_gram_characters
        if len(self.tokens) > MANY_TOKENS:
            count = n_gram_characters_of_many
        found = count(self.tokens, top, duplicate, gap=0 if self.is_chinese else 1)
        most, again = ([count / len(self.text) for count in counts] for counts in found)
        return most, again


def repeated_share(pieces: list[str], characters: int) -> tuple[float, float]:
    """The share of pieces equal to an earlier one, and of the characters that these hold.

    >>> repeated_share(["ab", "c", "ab", "ab"], 10)
    (0.5, 0.4)
    """
    different = set(pieces)
    again = len(pieces) - len(different)
    held = sum(map(len, pieces)) - sum(map(len, different)) if again else 0
    return again / len(pieces), held / characters


def n_gram_characters(
    tokens: list[str], top_sizes: Sequence[int], duplicate_sizes: Sequence[int], *, gap: int
) -> tuple[list[int], list[int]]:
    """The characters in the most frequent n-gram, and in n-grams that stood before.

    The first: its length times how often it stands there, ``gap`` counted between two tokens; of
    equally frequent ones, the first. The second: going from left to right, an n-gram that stood
    before counts, and what follows is looked at behind its end, so that no character counts twice
    (Rae et al. 2021, A.1.1; as datatrove, the first of several equal ones does not count).

    Args:
        tokens: words and signs.
        top_sizes, duplicate_sizes: the lengths n, rising, those of the second above the first's.

    >>> n_gram_characters("a bb a bb a bb".split(), [2], [4], gap=1)
    ([12], [6])
    """
    top, duplicate = [], []
    places: Sequence[int] = range(len(tokens))
    for size in (*top_sizes, *duplicate_sizes):
        last = len(tokens) - size
        if isinstance(places, range):
            places = range(max(0, last + 1))
            grams = list(zip(*(tokens[k:] for k in range(size)), strict=False))
        else:
            places = [place for place in places if place <= last]
            grams = [tuple(tokens[place : place + size]) for place in places]
        counts = Counter(grams)
        repeats = [
            (place, gram) for place, gram in zip(places, grams, strict=True) if counts[gram] > 1
        ]
        places = [place for place, _ in repeats]
        if size in duplicate_sizes:
            duplicate.append(_characters_again(repeats, size))
        elif repeats:
            gram, count = counts.most_common(1)[0]
            top.append((sum(map(len, gram)) + gap * (size - 1)) * count)
        else:
            first = tokens[:size]
            top.append(sum(map(len, first)) + gap * (size - 1) if len(first) == size else 0)
    return top, duplicate


def _characters_again(repeats: list[tuple[int, tuple[str, ...]]], size: int) -> int:
    seen: set[tuple[str, ...]] = set()
    characters = free = 0
    for place, gram in repeats:
        if place < free:
            continue
        if gram in seen:
            characters += sum(map(len, gram))
            free = place + size
        else:
            seen.add(gram)
    return characters
