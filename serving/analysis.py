"""From text to terms: what documents are found by, and what a question asks for.

Documents become stemmed words; a name (``os.path.splitText``, ``copytree``) also becomes its parts.
Chinese has no spaces, so its documents become pairs of neighbouring characters. A question becomes
groups: one a content word, each with the alternatives that may stand for it in a document (itself,
its synonyms, for a Chinese word its English names). What the word lists hold is data, in
``serving/data``; nothing here knows a corpus.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from serving.names import KINDS, NAME, Name, mentioned_names
from serving.words import HAN, HAN_RUN, WEAK_WEIGHT, stem, word_lists

PAIR_WEIGHT = 0.6  # of a pair of Chinese characters that no list knows: pairs overlap
LONE_WEIGHT = 0.3  # of one character between words that are known: seldom a word by itself
WORD = re.compile(rf"[{HAN}]+|[^\W{HAN}]+(?:['’][a-z]{{1,2}}\b)?")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


def pairs(run: str) -> list[str]:
    """The pairs of neighbouring characters of a run of Chinese; a lone character stays alone."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def name_parts(name: str) -> list[str]:
    """The words of a name, split at dots, underscores and capitals: os.getLogin -> os get login."""
    return [part.lower() for part in PARTS.findall(name)]


def terms(text: str) -> list[str]:
    """The terms of a document's text, in order and with repetitions.

    A word is its stem; a name with several parts is itself, whole, and its parts. Words that every
    English text is full of are left out.
    """
    dropped = word_lists().dropped
    found: list[str] = []
    for token in WORD.findall(text):
        if HAN_RUN.match(token):
            found += pairs(token)
            continue
        token = re.sub(r"['’].*", "", token)
        lower = token.lower().strip("_")
        if lower in dropped or not lower:
            continue
        found.append(stem(lower))
        parts = name_parts(token)
        if len(parts) > 1:
            found += [stem(part) for part in parts if part not in dropped]
    return found


@dataclass(frozen=True)
class Group:
    """One thing that a question asks for.

    Attributes:
        word: as the question has it.
        weight: how much it says, 1 for a content word.
        alternatives: term -> how well it stands for the word, 1 for the word itself.
    """

    word: str
    weight: float
    alternatives: dict[str, float]


@dataclass(frozen=True)
class Question:
    """What a question asks for: see ``analyse``."""

    text: str
    chinese: bool
    groups: tuple[Group, ...]
    names: tuple[Name, ...]
    kinds: frozenset[str] = field(default_factory=frozenset)


def is_chinese(text: str) -> bool:
    """Whether a text is, in the main, in Chinese: a third of its letters, names left aside."""
    han = sum(len(run) for run in HAN_RUN.findall(text))
    other = len(re.findall(r"[A-Za-z]{2,}", NAME.sub(lambda m: "" if "." in m[0] else m[0], text)))
    return han > 0 and han >= other


def _word_alternatives(word: str) -> dict[str, float]:
    own = stem(word)
    synonyms = word_lists().synonyms
    alternatives = dict(synonyms.get(word) or synonyms.get(own, {}))
    alternatives[own] = 1.0
    return alternatives


def _listed_group(word: str, choices: Iterable[str], extra: Iterable[str] = ()) -> Group:
    alternatives: dict[str, float] = {}
    for choice in choices:
        for term, weight in _word_alternatives(choice).items():
            alternatives[term] = max(weight, alternatives.get(term, 0.0))
    alternatives.update((term, 1.0) for term in extra)
    weights = word_lists().weights
    weight = max(weights.get(stem(choice), 1.0) for choice in choices)
    return Group(word, weight, alternatives)


def _chinese_groups(run: str) -> list[Group]:
    """Cut a run of Chinese at the words of the glossary, the longest that fits first."""
    glossary = word_lists().glossary
    longest = max(map(len, glossary))
    groups: list[Group] = []
    unknown = ""

    def flush() -> None:
        nonlocal unknown
        if unknown:
            weight = {1: LONE_WEIGHT, 2: 1.0}.get(len(unknown), PAIR_WEIGHT)
            groups.extend(Group(pair, weight, {pair: 1.0}) for pair in pairs(unknown))
        unknown = ""

    def begins(at: int) -> bool:
        return any(run[at : at + size] in glossary for size in range(1, longest + 1))

    def stands_alone(at: int) -> bool:
        """Whether one character is a word: what is before and after it is known too."""
        return not unknown and (at + 1 == len(run) or begins(at + 1))

    at = 0
    while at < len(run):
        for size in range(min(longest, len(run) - at), 0, -1):
            word = run[at : at + size]
            if word in glossary and (size > 1 or not glossary[word] or stands_alone(at)):
                flush()
                for choices in glossary[word]:
                    groups.append(_listed_group(word, choices, pairs(word)))
                at += size
                break
        else:
            unknown += run[at]
            at += 1
    flush()
    return groups


def _word_groups(words: list[str], kept: Callable[[str], bool]) -> list[Group]:
    """Groups of a run of lower-case words: phrases first, then words that say something."""
    lists = word_lists()
    longest = max(map(len, lists.phrases))
    groups: list[Group] = []
    at = 0
    while at < len(words):
        for size in range(min(longest, len(words) - at), 1, -1):
            phrase = tuple(words[at : at + size])
            if phrase in lists.phrases:
                for choices in lists.phrases[phrase]:
                    groups.append(_listed_group(" ".join(phrase), choices))
                at += size
                break
        else:
            word = words[at]
            if kept(word):
                weight = lists.weights.get(stem(word), 1.0)
                groups.append(Group(word, weight, _word_alternatives(word)))
            at += 1
    return groups


def analyse(text: str) -> Question:
    """What a question asks for: its content words, the names in it, the kinds it speaks of."""
    lists = word_lists()
    chinese = is_chinese(text)
    tokens = [token for token in WORD.findall(text)]

    def said(word: str) -> bool:
        return word not in lists.dropped

    def groups_of(kept: Callable[[str], bool]) -> list[Group]:
        groups: list[Group] = []
        words: list[str] = []
        for token in [*tokens, ""]:
            if token and not HAN_RUN.match(token):
                whole = re.sub(r"['’].*", "", token)
                parts = name_parts(whole)
                words += parts if "_" in whole or len(parts) > 2 else [whole.lower()]
                continue
            groups += _word_groups(words, kept)
            words = []
            if token:
                groups += _chinese_groups(token)
        return groups

    groups = groups_of(said) or groups_of(lambda word: True)
    content = sum(group.weight > WEAK_WEIGHT for group in groups)
    kinds = {KINDS[token.lower()] for token in tokens if token.lower() in KINDS}
    kinds |= {kind for word, kind in KINDS.items() if HAN_RUN.match(word) and word in text}
    names = mentioned_names(text, alone=content == 1)
    return Question(text, chinese, tuple(groups), tuple(names), frozenset(kinds))
