"""What is wrong with a tree of parameters, in one sentence: which key, and which one was meant.

A key is known by the sections (pydantic models) that it goes through: also those that may be null,
and those that stand in a list, where a place comes before the key: ``ingest.huggingface.0.split``.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from chatwright.errors import BadParameter

LONGEST_SHOWN = 60
"""Of a value that is refused, in characters."""

CLOSE, VERY_CLOSE = 0.6, 0.8
"""How alike a key and the right one are: in the same section, and in another one (difflib)."""

IN_OTHER_WORDS = {
    "too_short": "it names none, and needs one at least",
    "string_too_short": "it is empty",
    "string_pattern_mismatch": "it has not the form that is wanted",
}
"""What pydantic says for programmers, by its names for it."""

MOST_NAMED = 3
EXPLAINED = "params.yaml explains every key"
SEE_COMMENT = "The comment above that key in params.yaml says what it takes"

Section = type[BaseModel]
Key = Sequence[str | int]
"""The parts of a dotted key; places in lists are numbers."""


def keys_below(section: Section, prefix: str = "") -> Iterator[str]:
    """All dotted keys of a section, those of sections in it included, but for those in lists."""
    for name, field in _fields(section).items():
        yield prefix + name
        below = _section_in(field.annotation)
        if below is not None and not _is_list(field.annotation):
            yield from keys_below(below, f"{prefix}{name}.")


def nearest_key(root: Section, key: Key) -> str:
    """A sentence that names the known key nearest to a wrong one, or the place of the list.

    One in the section that the key names comes first, if it is almost the same; then one of almost
    the same last part anywhere; then one in that section that is like it.
    """
    near = _nearest_on_its_way(root, key, VERY_CLOSE)
    if near is None:
        last, keys = str(key[-1]), list(keys_below(root))
        names = [known.rpartition(".")[2] for known in keys]
        best = difflib.get_close_matches(last, names, 1, VERY_CLOSE)
        meant = [known for known, name in zip(keys, names, strict=True) if name in best]
        if meant:
            return f"Did you mean {' or '.join(meant[:MOST_NAMED])}?"
        near = _nearest_on_its_way(root, key, CLOSE)
    return near or EXPLAINED


def _nearest_on_its_way(root: Section, key: Key, cutoff: float) -> str | None:
    """The same, of the sections that a key goes through; None where a part is like none there."""
    section: Section | None = root
    right: list[str] = []
    for part in key:
        if isinstance(part, int):
            right.append(str(part))
            continue
        if section is None:
            return f"Set {'.'.join(right)} as a whole"
        fields = _fields(section)
        near = [part] if part in fields else difflib.get_close_matches(part, fields, 1, cutoff)
        if not near:
            return None
        right += near
        kind = fields[near[0]].annotation
        # Of a list, the key must tell the place.
        has_keys = not _is_list(kind) or any(isinstance(each, int) for each in key)
        section = _section_in(kind) if has_keys else None
    return f"Did you mean {'.'.join(right)}?"


def mistake(
    error: ValidationError, source: str, root: Section, given: Mapping[str, str] | None = None
) -> BadParameter:
    """The refusal of a tree; an unknown key counts before a missing one, which it may stand for.

    Args:
        error: what pydantic says of the tree.
        source: the name of the file.
        root: what the tree should be.
        given: for dotted keys that were not taken from the file, where they stand instead.
    """
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    key = ".".join(map(str, first["loc"]))
    elsewhere = _elsewhere(given or {}, first["loc"], first["msg"])
    source = elsewhere or source
    if first["type"] == "extra_forbidden":
        return BadParameter(source, f"there is no parameter {key}", nearest_key(root, first["loc"]))
    if first["type"] == "missing":
        stands_there = key in keys_below(root) and not _is_optional(root, first["loc"][:-1])
        remedy = "git diff params.yaml shows what was taken out" if stands_there else EXPLAINED
        return BadParameter(source, f"{key} is missing", remedy)
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[0].lower() + message[1:]
    if not first["input"] or first["type"] == "string_pattern_mismatch":
        message = IN_OTHER_WORDS.get(first["type"], message)
    if first["type"] == "model_type":
        message = f"it is a section, with keys such as {_first_key(root, first['loc'])}"
    if not isinstance(first["input"], Mapping):  # a section is long, and stands in the file
        message = f"{_short(first['input'])} cannot be used: {message}"
    return BadParameter(elsewhere or f"{source}, {key}", message, _nearest_value(first))


def _elsewhere(given: Mapping[str, str], loc: Key, message: str) -> str | None:
    """Where what is wrong at a place was given, or something in it; None: it stands in the file."""
    parts = tuple(map(str, loc))
    found = []
    for key, where in reversed(list(given.items())):
        named = tuple(key.split("."))
        if parts[: len(named)] == named or named[: len(parts)] == parts:
            found.append((key, where))
    # Of several in a section that is wrong as a whole, one that the message tells of.
    told = (where for key, where in found if key.rpartition(".")[2] in message)
    return next(told, found[0][1] if found else None)


def _nearest_value(error: ErrorDetails) -> str:
    """A sentence that names the nearest of a list's words, where one is like that given."""
    words = re.findall("'([^']*)'", error.get("ctx", {}).get("expected", ""))
    if error["type"] != "literal_error" or not isinstance(error["input"], str):
        return SEE_COMMENT
    near = difflib.get_close_matches(error["input"], words, 1, CLOSE)
    return f"Did you mean {near[0]}?" if near else SEE_COMMENT


def _fields(section: Section) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _section_in(kind: Any) -> Section | None:
    """The section that a type is, or allows, or is a list of."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for each in get_args(kind) if (found := _section_in(each))), None)


def _is_list(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is list


def _kinds(root: Section, key: Key) -> Iterator[Any]:
    """The types of a known key's parts, from the outermost on."""
    section: Section | None = root
    for part in key:
        if isinstance(part, str) and section is not None:
            kind = _fields(section)[part].annotation
            section = _section_in(kind)
            yield kind


def _is_optional(root: Section, key: Key) -> bool:
    """Whether one of the sections that a key goes through need not be there."""
    return any(kind is not _section_in(kind) for kind in _kinds(root, key))


def _first_key(root: Section, key: Key) -> str:
    section = _section_in(list(_kinds(root, key))[-1])
    assert section is not None, "only a section can be refused for being none"
    return ".".join(map(str, [*key, next(iter(_fields(section)))]))


def _short(value: Any) -> str:
    """A value as it may have been written, cut to what a sentence can hold."""
    is_word = value is None or isinstance(value, bool)
    text = {None: "null", True: "true", False: "false"}[value] if is_word else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."
