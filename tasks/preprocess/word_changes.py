"""A text as words that can be taken out, swapped, replaced and put in: EDA's four changes.

Wei and Zou 2019, "EDA: Easy Data Augmentation Techniques": a change touches a share of the words,
at least one. Notable choices: what stands between words (spaces, punctuation) stays, so that the
rest of the text is as it was; deletion takes out that share exactly, where EDA tosses a coin for
each word; a text is never left without a word. Chinese is cut into words by jieba's algorithm.

Not covered: other languages that do not write spaces between words (``without_spaces``).
"""

import re
from collections.abc import Callable, Sequence
from random import Random

from chatwright.errors import MissingInput

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3007"
_PIECES = re.compile(rf"([{_HAN}]+)|([^\W{_HAN}]+(?:['’-][^\W{_HAN}]+)*)")
_IS_HAN = re.compile(f"[{_HAN}]")

WITHOUT_SPACES = ("ja", "th", "lo", "km", "my")

Cut = Callable[[str], Sequence[str]]


def segmenter() -> Cut:
    """What cuts a run of Chinese characters into words; together they are the run.

    Raises:
        MissingInput: the package rjieba is not installed.
    """
    try:
        import rjieba
    except ImportError:
        raise MissingInput(
            "preprocess.augment",
            "the package rjieba, which finds the words of Chinese, is not installed",
            'Install it with: pip install "chatwright[zh]"',
        ) from None
    return rjieba.cut


def is_chinese(text: str) -> bool:
    """Whether a text needs a segmenter."""
    return _IS_HAN.search(text) is not None


class Words:
    """The words of a text, and what stands before each and after the last."""

    def __init__(self, words: list[str], between: list[str]) -> None:
        self.words, self.between = words, between

    @classmethod
    def of(cls, text: str, cut: Cut | None) -> "Words":
        """Those of a text.

        Args:
            cut: for Chinese; without it, a run of such characters is one word.
        """
        words: list[str] = []
        between = [""]
        end = 0
        for found in _PIECES.finditer(text):
            between[-1] += text[end : found.start()]
            end = found.end()
            for word in cut(found[0]) if cut is not None and found[1] else (found[0],):
                words.append(word)
                between.append("")
        between[-1] += text[end:]
        return cls(words, between)

    def __str__(self) -> str:
        pairs = zip(self.between, self.words, strict=False)
        return "".join(gap + word for gap, word in pairs) + self.between[-1]

    def how_many(self, rate: float) -> int:
        """The number of words that a change touches: the share, rounded down, at least one."""
        return max(1, int(rate * len(self.words)))

    def deleted(self, rate: float, random: Random) -> "Words":
        """Without some words, and without the space before each."""
        words, between = list(self.words), list(self.between)
        for _ in range(min(self.how_many(rate), len(words) - 1)):
            place = random.randrange(len(words))
            del words[place]
            before, after = between.pop(place), between[place]
            between[place] = _joined(before, after, words, place)
        return Words(words, between)

    def swapped(self, rate: float, random: Random) -> "Words":
        """With pairs of words that have changed places."""
        words = list(self.words)
        for _ in range(self.how_many(rate) if len(words) > 1 else 0):
            one, other = random.sample(range(len(words)), 2)
            words[one], words[other] = words[other], words[one]
        return Words(words, list(self.between))

    def replaced(self, rate: float, random: Random, other: Callable[[str], str | None]) -> "Words":
        """With others in the places of some words.

        Args:
            other: what may stand for a word; None leaves it, and takes another one.
        """
        words = list(self.words)
        left = self.how_many(rate)
        for place in random.sample(range(len(words)), len(words)):
            new = other(words[place]) if left else None
            if new is not None:
                words[place] = new
                left -= 1
        return Words(words, list(self.between))

    def inserted(self, rate: float, random: Random, other: Callable[[str], str | None]) -> "Words":
        """With new words before some of them.

        Args:
            other: the word to put in, given one of the text.
        """
        words, between = list(self.words), list(self.between)
        for _ in range(self.how_many(rate)):
            new = next(
                (
                    new
                    for place in random.sample(range(len(self.words)), len(self.words))
                    if (new := other(self.words[place])) is not None
                ),
                None,
            )
            if new is None:
                break
            place = random.randrange(len(words))
            both_han = is_chinese(new) and is_chinese(words[place])
            words.insert(place, new)
            between.insert(place + 1, "" if both_han else " ")
        return Words(words, between)


def _joined(before: str, after: str, words: Sequence[str], place: int) -> str:
    """What is left of the gaps around a word that stood at ``place``: one of two spaces goes."""
    if after.startswith(" ") or place == 0:
        after = after.removeprefix(" ")
    elif after or place == len(words):
        before = before.removesuffix(" ")
    at_an_end = place in (0, len(words))
    if before + after or at_an_end or is_chinese(words[place - 1] + words[place]):
        return before + after
    return " "
