"""What a file of the user's holds: one text, or many records with texts or conversations.

A record is a row of a table or a JSON object. Its text is in ``text``, ``content`` or ``body``;
``title`` (or ``name``), ``url``, ``lang``, ``license`` and a time (``date``, ``timestamp``,
``added``, ``created``) are taken if they are there; ``messages``, a list of
``{"role": ..., "content": ...}``, makes it a conversation.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from tasks.ingest.language import primary

TEXT_FIELDS = ("text", "content", "body")
TITLE_FIELDS = ("title", "name")
LICENSE_FIELDS = ("license", "licence")
TIME_FIELDS = ("date", "timestamp", "added", "created")
DETAIL_FIELDS = (*TITLE_FIELDS, "url", "lang", *LICENSE_FIELDS, *TIME_FIELDS)
MESSAGES_FIELD = "messages"
ROLES = ("system", "user", "assistant")
LONGEST_TITLE = 120

LEAST_WORDS, LEAST_CHINESE = 5, 8
"""A value of so many words, or so many Chinese characters, is taken for a text."""

LOOKED_AT = 200  # characters of it

NAMES_SHOWN = 6
LONGEST_NAME = 40
"""Of the fields that a record was found to hold: so many, and each in so many characters."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text as found in a file; ``number`` is its line or row, None where it is the whole file;
    ``time`` is when it was written or fetched, in UTC, as far as the file tells."""

    text: str
    title: str | None = None
    url: str | None = None
    lang: str | None = None
    number: int | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    license: str | None = None
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as found in a file; ``damaged`` of its characters could not be read, and
    ``not_taken`` messages around it belong to no reply or to another one."""

    messages: list[dict[str, str]]
    lang: str | None = None
    category: str | None = None
    number: int | None = None
    damaged: int = 0
    not_taken: int = 0


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that cannot be used.

    Broken records count against the file; one with ``is_empty`` is in order but holds no text. With
    ``is_unknown``, it has a text under none of the names under which one is sought: where no record
    of a file has one, its texts have another name.
    """

    number: int
    reason: str
    detail: str = ""
    is_empty: bool = False
    is_unknown: bool = False

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Record = Text | Conversation | Broken


def record_from_mapping(fields: Mapping[str, Any], number: int, damaged: int = 0) -> Record:
    """What a JSON object or a table's row holds.

    Args:
        fields: its names and values.
        number: its line or row.
        damaged: how many bytes of it had to be taken out. Characters in its text that stand for
            what could not be decoded (U+FFFD) are counted besides.
    """
    if fields.get(MESSAGES_FIELD) is not None:
        return _conversation(fields, number, damaged)
    for name in TEXT_FIELDS:
        if name not in fields:
            continue
        value = fields[name]
        if value is None or (isinstance(value, str) and not value.strip()):
            return Broken(number, "record with an empty text", is_empty=True)
        if not isinstance(value, str):
            return Broken(number, "its text is not a text", f"{name} is {type(value).__name__}")
        title = next((word for key in TITLE_FIELDS if (word := _word(fields, key))), None)
        value = sound(value)
        damaged += value.count("\ufffd")
        meta = {"damaged_characters": damaged} if damaged else {}
        return Text(
            value,
            title,
            _word(fields, "url"),
            _language(fields),
            number,
            meta,
            license=next(
                (own for key in LICENSE_FIELDS if (own := _license(fields.get(key)))), None
            ),
            time=next((t for key in TIME_FIELDS if (t := _time(fields.get(key)))), None),
        )
    filled = {name: value for name, value in fields.items() if value is not None}
    return Broken(
        number,
        "record without text, content, body or messages",
        f"it holds {names_in(filled)}",
        is_empty=True,
        is_unknown=any(map(is_prose, fields.values())),
    )


def is_prose(value: Any) -> bool:
    """Whether a value is words that a user would miss, rather than a name, a number or a code.

    >>> is_prose("It is paid on the 25th."), is_prose("Mon, 5 May 2024")
    (True, False)
    >>> is_prose("每月二十五日发薪")
    True
    """
    if not isinstance(value, str):
        return False
    chinese = sum("\u4e00" <= letter <= "\u9fff" for letter in islice(value, LOOKED_AT))
    return len(value.split(None, LEAST_WORDS)) >= LEAST_WORDS or chinese >= LEAST_CHINESE


def are_texts(values: Iterable[Any]) -> bool:
    """Whether the values of a column are texts: half of those that are filled, or more."""
    filled = [value for value in values if value not in (None, "")]
    return bool(filled) and 2 * sum(map(is_prose, filled)) >= len(filled)


def names_in(fields: Mapping[Any, Any]) -> str:
    """The first names of a record's fields, for a sentence.

    >>> names_in({"question": "Why?", "answer": "So."})
    'question, answer'
    """
    names = [_shown(str(name)) for name in islice(fields, NAMES_SHOWN)]
    return ", ".join(names) + (", ..." if len(fields) > NAMES_SHOWN else "") or "nothing"


def _shown(name: str) -> str:
    name = " ".join(sound(name).split())
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]} ..."


def _conversation(fields: Mapping[str, Any], number: int, damaged: int) -> Record:
    messages = fields[MESSAGES_FIELD]
    if not isinstance(messages, list) or not messages:
        return Broken(number, "messages is not a list of messages")
    kept = []
    for message in messages:
        role = message.get("role") if isinstance(message, Mapping) else None
        content = message.get("content") if isinstance(message, Mapping) else None
        if role not in ROLES or not isinstance(content, str) or not content.strip():
            return Broken(number, "a message lacks its role (system, user, assistant) or content")
        content = sound(content.strip())
        damaged += content.count("\ufffd")
        kept.append({"role": role, "content": content})
    if not any(message["role"] == "assistant" for message in kept):
        return Broken(number, "conversation without an assistant's reply", is_empty=True)
    return Conversation(kept, _language(fields), _word(fields, "category"), number, damaged)


def sound(text: str) -> str:
    """A text that any encoding can take: half a surrogate pair, as JSON may hold, is U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def first_line(text: str) -> str | None:
    """The first line that says something, if it is short enough to be a title."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if 0 < len(line) <= LONGEST_TITLE else None


def _language(fields: Mapping[str, Any]) -> str | None:
    """The language that a record says it is in, in the form of those that are told here."""
    return primary(_word(fields, "lang") or "") or None


def _license(value: Any) -> str | None:
    """A licence, or several, on one line."""
    names = value if isinstance(value, list) else [value]
    told = (" ".join(sound(name).split()) for name in names if isinstance(name, str))
    return ", ".join(filter(None, told)) or None


def _time(value: Any) -> datetime | None:
    """A moment in ISO 8601, in UTC unless it says otherwise; None where it is in no such form."""
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if found is None or found.tzinfo is None:
            return found and found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _word(fields: Mapping[str, Any], key: str) -> str | None:
    """A field as a text on one line; None where it is missing or empty."""
    value = fields.get(key)
    return (" ".join(sound(str(value)).split()) or None) if value is not None else None
