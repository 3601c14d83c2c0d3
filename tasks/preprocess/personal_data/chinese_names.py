"""People's names in Chinese: jieba's words, a list of surnames, and the words beside them.

Jieba's dictionary marks words as names (``nr``), and its model puts together names that it does
not know. Both take other words for names (张开, "to open"). So a name has to begin with a surname
and to end unlike a place or a word; of two characters in the dictionary, or marked as anything but
a name, it has to stand beside a title or "said" as well. Foreign names are spelt in characters that
serve for this: with a dot in them, or beside a title. A surname before a title is a name: 王先生
becomes ``<name>先生``.

Not covered: a given name alone, nicknames (小明, 老王), pen names, Japanese names in characters.
In lines with kana nothing is sought. Names in traditional characters are mostly unknown to jieba.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from tasks.preprocess.personal_data.chinese_name_words import (
    COMPOUND_SURNAMES,
    NAMING,
    NO_NAME_ENDS,
    NO_NAMES,
    SPEECH_AFTER,
    SPELLING,
    SURNAMES,
    TITLES_AFTER,
    TITLES_BEFORE,
    VERBS,
)
from tasks.preprocess.personal_data.spans import Span

Words = Sequence[tuple[str, str]]
"""Words, and what part of speech each is."""

Tag = Callable[[str], Words]
"""From a run of Chinese to its words; together they are the run."""

IsWord = Callable[[str], bool]
"""Whether the dictionary has a word."""

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3007"
_DOT = "·•・‧"
# With the signs that stand between names; cut at a length, so that little memory is needed.
_RUN = re.compile(rf"[{_HAN}][{_HAN}、，。：:；！？“”‘’（）()《》「」『』—]{{0,5000}}+")
_KANA = "\u3041-\u3096\u30a1-\u30fa"
_LINE_WITH_KANA = re.compile(rf"^[^\n{_KANA}]*+[{_KANA}].*$", re.M)
_WITH_DOT = re.compile(
    rf"(?<![{SPELLING}{_DOT}《])[{SPELLING}]{{1,8}}+(?:[{_DOT}][{SPELLING}]{{1,8}}+){{1,4}}+(?!》)"
)
_SPELT = re.compile(f"[{SPELLING}]+")
_ANY_HAN = re.compile(f"[{_HAN}]")
_LISTED = frozenset("、，和与及")


def chinese_names(text: str, tag: Tag, is_word: IsWord) -> Iterator[Span]:
    """The names in a text, in order but for those with a dot in them, which come first."""
    if not _ANY_HAN.search(text):
        return
    text = _LINE_WITH_KANA.sub(lambda line: "\n" * len(line[0]), text)
    for found in _WITH_DOT.finditer(text):
        yield Span(found.start(), found.end(), "name")
    for run in _RUN.finditer(text):
        start = run.start()
        words = tag(run[0])
        after_name = False
        number = 0
        while number < len(words):
            length, used = _name_at(words, number, is_word, after_name)
            if length:
                yield Span(start, start + length, "name")
            after_name = bool(length) or (after_name and words[number][0] in _LISTED)
            start += sum(len(word) for word, _ in words[number : number + used])
            number += used


def _name_at(words: Words, number: int, is_word: IsWord, listed: bool) -> tuple[int, int]:
    """The length of the name that a word begins, 0 for none; and how many words were looked at."""
    word, kind = words[number]
    surname = surname_of(word)
    marked = kind.startswith("nr") or len(surname) == 2
    if word in NO_NAMES:
        return 0, 1
    if not surname or (len(word) > 3 and kind == "nrt"):
        foreign = len(word) > 2 and marked and _SPELT.fullmatch(word)
        return (len(word) if foreign and _has_title(words, number, 1) else 0), 1
    if word == surname:
        return _split_name(words, number, surname, listed)
    if word[len(surname) :] in TITLES_AFTER:  # jieba has 王先生 as one word
        return (0 if surname in VERBS else len(surname)), 1
    given = len(word) - len(surname)
    if given > 2:
        return 0, 1
    long = given == 2 or len(surname) == 2
    if marked and word[-1] not in NO_NAME_ENDS and (long or not is_word(word)):
        return len(word), 1
    if word[-1] in NO_NAME_ENDS and not (marked and long):
        return 0, 1
    if long or marked:
        named = listed or _has_title(words, number, 1) or _speaks(words, number, 1)
    else:
        named = _word_before(words, number) in NAMING
    return (len(word) if named else 0), 1


def _split_name(words: Words, number: int, surname: str, listed: bool) -> tuple[int, int]:
    """A surname that is a word by itself: before a title, or before a given name."""
    following = [word for word, _ in words[number + 1 : number + 3]]
    if following and following[0] in TITLES_AFTER:
        return (0 if surname in VERBS else len(surname)), 1
    for used in (2, 1):  # the given name: two characters, in one word or two; or one
        given = "".join(following[:used])
        if len(following) < used or len(given) > 2 or not _is_han(given):
            continue
        if given[-1] in NO_NAME_ENDS or following[used - 1] in TITLES_AFTER:
            continue
        if len(surname) == 2 or listed or _has_title(words, number, 1 + used):
            return len(surname) + len(given), 1 + used
    return 0, 1


def _has_title(words: Words, number: int, used: int) -> bool:
    after = words[number + used][0] if number + used < len(words) else ""
    return _word_before(words, number) in TITLES_BEFORE or after in TITLES_AFTER


def _speaks(words: Words, number: int, used: int) -> bool:
    return number + used < len(words) and words[number + used][0] in SPEECH_AFTER


def _word_before(words: Words, number: int) -> str:
    """The word before a name; a colon between the two does not count."""
    if number > 1 and words[number - 1][0] in "：:":
        return words[number - 2][0]
    return words[number - 1][0] if number else ""


def _is_han(text: str) -> bool:
    return all(_ANY_HAN.match(character) for character in text)


def surname_of(word: str) -> str:
    """The surname that a word begins with, if it does.

    >>> surname_of("欧阳修"), surname_of("王维"), surname_of("桌子")
    ('欧阳', '王', '')
    """
    if word[:2] in COMPOUND_SURNAMES:
        return word[:2]
    return word[:1] if word[:1] in SURNAMES else ""
