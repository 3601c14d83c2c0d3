"""People's names in English and what is written like it: lists of names, and the words beside them.

Looked at are runs of capitalised words. A name is a given name with what follows it (initials,
particles, a surname), initials with a surname, and whatever stands after a title. A single word
must be a given name that is nothing else, or a name beside "my name is", "Dear" or "said".
Given names that are words or places besides (Will, Mark, May, Paris) need a known surname after
them or a title before; and nothing is a name that goes on as one of an institution or a place
(Kevin University).

Not covered: names in lower case, names across the end of a line, surnames alone without a title or
such a word. Languages that write other words with capitals, as German does, have more mistakes.
"""

import re
import unicodedata
from collections.abc import Iterator

from tasks.preprocess.personal_data.english_name_words import (
    AMBIGUOUS,
    NAMED_BEFORE,
    NO_NAMES,
    PARTICLES,
    PERSON_BEFORE,
    PLACE_INITIALS,
    SPEAKING_AFTER,
    SUFFIXES,
    THING_BEFORE,
    THINGS,
    TITLES,
)
from tasks.preprocess.personal_data.name_lists import NameLists
from tasks.preprocess.personal_data.spans import Span

_LATIN = [chr(code) for code in (*range(0x41, 0x250), *range(0x1E00, 0x1F00))]
_CAPITAL = "".join(letter for letter in _LATIN if unicodedata.category(letter) == "Lu")
_LETTER = "".join(letter for letter in _LATIN if letter.isalpha())
_WORD = rf"[{_CAPITAL}][{_LETTER}]*+(?:(?:['’](?![sS](?![{_LETTER}]))|-)[{_LETTER}]++)*+"
_INITIALS = rf"[{_CAPITAL}]\.(?:-?[{_CAPITAL}]\.)*+"
_ABBREVIATED = f"(?:Mt|St|{'|'.join(sorted(title for title in TITLES if len(title) < 5))})\\."
_ITEM = rf"(?:{_INITIALS}|{_ABBREVIATED}|{_WORD})"
_PARTICLE = f"(?:{'|'.join(sorted(word for word in PARTICLES if word.islower()))})"
_RUN = re.compile(
    rf"(?<![{_LETTER}0-9_@#$%&=+~\\/.])(?<![{_LETTER}0-9_]-)"
    rf"{_ITEM}(?:(?:[ ]{{1,2}}(?:{_PARTICLE}[ ]){{0,3}}|(?<=\.)){_ITEM}){{0,7}}"
    rf"(?![{_LETTER}0-9_@/\\=(\[]|[.:-][{_LETTER}0-9_]|::)"
)
_PART = re.compile(rf"{_INITIALS}|[{_LETTER}][{_LETTER}'’-]*+(?<!['’])")
_NAMED_BEFORE = re.compile(rf"(?:^|[^{_LETTER}])(?:{NAMED_BEFORE})[,:]?[ \n]$", re.I)
_PERSON_BEFORE = re.compile(rf"(?:^|[^{_LETTER}])(?:{PERSON_BEFORE})[,:]?[ \n]$")
_SPEAKING_AFTER = re.compile(rf",?[ ](?:{SPEAKING_AFTER})\b")
_REACH = 40


def english_names(text: str, lists: NameLists) -> Iterator[Span]:
    """The names in a text, in order, none overlapping another."""
    for run in _RUN.finditer(text):
        if " " not in run[0] and "." not in run[0]:  # most by far
            if _alone(text, run.start(), run.end(), lists):
                yield Span(run.start(), run.end(), "name")
            continue
        parts = [part.span() for part in _PART.finditer(text, *run.span())]
        words = [_as_written_small(text[start:end]) for start, end in parts]
        number = 0
        while number < len(words):
            start, end = _name(words, number, lists)
            if end == start:
                end += _alone(text, *parts[start], lists)
            if end > start and not _belongs_to_a_thing(words, start, end, lists):
                yield Span(parts[start][0], parts[end - 1][1], "name")
            number = max(end, number + 1)


def _name(words: list[str], number: int, lists: NameLists) -> tuple[int, int]:
    """From where up to where the name of several words, or after a title, reaches that begins here.

    Where none does, both are the place.
    """
    if words[number] in TITLES:
        first = number + 1
        while first < len(words) and words[first] in TITLES:
            first += 1
        is_street = words[number] in ("Dr", "St") and number > 0
        if is_street or first == len(words) or _is_never_a_name(words[first]):
            return number, number
        return first, _end(words, first, lists)
    if _is_never_a_name(words[number]):
        return number, number
    end = _end(words, number, lists)
    if end - number > 1 and _is_convincing(words[number:end], lists):
        return number, end
    return number, number


def _end(words: list[str], first: int, lists: NameLists) -> int:
    """Where a name ends if it begins here: with a surname, or with given names alone."""
    end = place = first + 1
    while place < len(words):
        word = words[place]
        if _is_initials(word) or word in PARTICLES:
            place += 1
        elif word in SUFFIXES:
            return place + 1
        elif word in NO_NAMES or word in TITLES:
            break
        else:
            end = place = place + 1
            if word not in lists.given:  # the surname; some have two
                end += place < len(words) and _may_end_a_name(words[place], lists)
                break
    return end + (end < len(words) and words[end] in SUFFIXES)


def _is_convincing(words: list[str], lists: NameLists) -> bool:
    """Whether words that may be a name are known well enough as one."""
    first, last = words[0], words[-1]
    if last in SUFFIXES and len(words) > 2:
        last = words[-2]
    known_surname = _may_end_a_name(last, lists)
    if _is_initials(first):
        if len(first) == 1 or first in PLACE_INITIALS:  # "O Clifford", "U.S. Representative"
            return False
        several = first.count(".") > 1 or _is_initials(words[1])
        return known_surname or (several and not _is_a_word(last, lists))
    known = first in lists.given or first.split("-")[0] in lists.given
    if not known or _is_a_word(first, lists):
        return known_surname and (known or any(map(_is_initials, words[1:-1])))
    return known_surname or (
        not _is_a_word(last, lists) and (len(first) > 3 or first in lists.english)
    )


def _alone(text: str, start: int, end: int, lists: NameLists) -> bool:
    """Whether a single word is a name."""
    word = _as_written_small(text[start:end])
    if word in NO_NAMES or word in TITLES or _is_initials(word):
        return False
    if word in lists.english and not _is_a_word(word, lists):
        return True
    before = text[max(0, start - _REACH) : start]
    if _NAMED_BEFORE.search(before):
        return True
    if word.lower() in lists.words:
        return False
    if word in lists.given and text.startswith(":", end) and before[-1:] in ("", "\n"):
        return word not in AMBIGUOUS  # who speaks in a dialogue
    return (word in lists.given or word in lists.surnames) and bool(
        _PERSON_BEFORE.search(before) or _SPEAKING_AFTER.match(text, end)
    )


def _belongs_to_a_thing(words: list[str], start: int, end: int, lists: NameLists) -> bool:
    """Whether a name is part of another thing's: Morgan Library, San Jose."""
    if start > 0 and words[start - 1] in THING_BEFORE:
        return True
    following = words[end] if end < len(words) else ""
    return following in THINGS or (end - start == 1 and following.lower() in lists.words)


def _may_end_a_name(word: str, lists: NameLists) -> bool:
    return word in lists.surnames and not _is_a_word(word, lists)


def _is_a_word(name: str, lists: NameLists) -> bool:
    return name in AMBIGUOUS or name in NO_NAMES or name.lower() in lists.words


def _is_never_a_name(word: str) -> bool:
    return word in NO_NAMES and word not in AMBIGUOUS


def _is_initials(word: str) -> bool:
    return word.endswith(".") or len(word) == 1


def _as_written_small(word: str) -> str:
    """A word in capitals as it is written elsewhere; initials stay."""
    return word.title() if len(word) > 2 and word.isupper() and "." not in word else word
