"""The word lists of ``serving/data``, and the stems of words.

Synonyms, turns of phrase, words that say little, and the Chinese words of computing and everyday
life with their English names: plain text files that anyone can extend, read once a process.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import Stemmer

DATA = Path(__file__).parent / "data"

SAME_WEIGHT = 0.85  # of a synonym beside the word itself
NEAR_WEIGHT = 0.45  # of a word that only has to do with it
LIGHT_WEIGHT = 0.6  # of a verb that goes with everything ("find", "make")
WEAK_WEIGHT = 0.25  # of a word that says little ("function", "use")

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
HAN_RUN = re.compile(f"[{HAN}]+")
_stemmer = Stemmer.Stemmer("english")


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a lower-case word, by Porter's second algorithm for English."""
    return _stemmer.stemWord(word)


@dataclass(frozen=True)
class WordLists:
    """The word lists of ``serving/data``, words stemmed.

    Attributes:
        dropped: words of questions that say nothing about what is asked for.
        weights: stem -> how much a word says that says less than others.
        synonyms: a word as listed, or its stem -> stems that mean the same, and how nearly.
        phrases: English turns of phrase, as tuples of words -> groups of alternatives.
        glossary: Chinese words -> groups of alternatives, empty for what says nothing.
        short: words and abbreviations that a name may be made of (``rm`` in ``rmtree``).
    """

    dropped: frozenset[str]
    weights: dict[str, float]
    synonyms: dict[str, dict[str, float]]
    phrases: dict[tuple[str, ...], tuple[tuple[str, ...], ...]]
    glossary: dict[str, tuple[tuple[str, ...], ...]]
    short: frozenset[str]


def _lines(name: str) -> Iterator[str]:
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def _groups(words: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(group.split("/")) for group in words.split())


@cache
def word_lists() -> WordLists:
    """Read the word lists, once a process."""
    stopwords: dict[str, set[str]] = {"drop": set(), "light": set(), "weak": set()}
    section = "drop"
    for line in _lines("stopwords.txt"):
        if line.startswith("["):
            section = line.strip("[]")
        else:
            stopwords[section].update(line.split())
    listed: dict[str, dict[str, float]] = {}
    short: set[str] = set()
    closeness = SAME_WEIGHT
    for line in _lines("synonyms.txt"):
        if line.startswith("["):
            closeness = SAME_WEIGHT if line == "[same]" else NEAR_WEIGHT
            continue
        words = [word.strip() for word in line.split(",")]
        short.update(words)
        for word in words:
            others = listed.setdefault(word, {})
            for other in words:
                if other != word:
                    others[stem(other)] = max(closeness, others.get(stem(other), 0.0))
    synonyms = dict(listed)
    for word, others in listed.items():
        synonyms.setdefault(stem(word), others)
    phrases = {}
    for line in _lines("phrases.txt"):
        phrase, _, meaning = line.partition("=")
        phrases[tuple(phrase.split())] = _groups(meaning)
    glossary = {}
    for line in _lines("glossary-zh.txt"):
        word, _, meaning = line.partition("=")
        glossary[word.strip()] = _groups(meaning)
    return WordLists(
        frozenset(stopwords["drop"]),
        {stem(word): LIGHT_WEIGHT for word in stopwords["light"]}
        | {stem(word): WEAK_WEIGHT for word in stopwords["weak"]},
        synonyms,
        phrases,
        glossary,
        frozenset(short),
    )
