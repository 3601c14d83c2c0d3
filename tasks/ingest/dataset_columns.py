"""Which columns of a data set hold its texts or conversations, and what a row of them is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from chatwright.errors import BadInput
from tasks.ingest.chat_shapes import conversation
from tasks.ingest.records import (
    DETAIL_FIELDS,
    TEXT_FIELDS,
    TITLE_FIELDS,
    Broken,
    Record,
    record_from_mapping,
)
from tasks.params_huggingface import DatasetParams

MESSAGES = ("messages", "conversations")
ALPACA = ("instruction", "output")
BESIDE_MESSAGES = ("system", "chosen", "category", "label", "input", "history", "lang")
"""What chat_shapes.py looks at besides."""

DETAILS = tuple(name for name in DETAIL_FIELDS if name not in TITLE_FIELDS)
"""What is told of a text beside its title."""


@dataclass(frozen=True)
class Columns:
    """``names`` are to be read; ``text`` is that of the text, None where they are conversations;
    ``titles`` those of its title, of which the first that is filled counts."""

    names: list[str]
    text: str | None = None
    titles: tuple[str, ...] = ()

    def record(self, row: Mapping[str, Any], number: int) -> Record:
        """What a row holds; ``number`` is its place in the split."""
        if self.text is None:
            found = conversation(row, number)
            return found or Broken(number, "record without a conversation", is_empty=True)
        title = next((row[name] for name in self.titles if row[name]), None)
        details = {name: row.get(name) for name in DETAILS}
        return record_from_mapping({**details, "text": row[self.text], "title": title}, number)


def columns_of(schema: pa.Schema, choice: DatasetParams, where: str) -> Columns:
    """The columns to read of a table: those named, else those of conversations, else the usual
    ones of a text and its title.

    Raises:
        BadInput: there is none of a text, or none of a name given.
    """
    there = {field.name: field.type for field in schema}
    texts = [name for name, kind in there.items() if _is_text(kind)]
    for key, name in (("text", choice.text), ("title", choice.title)):
        if name is not None and name not in texts:
            what = "holds no texts" if name in there else "is not there"
            raise BadInput(where, f"the column {name} {what}", _offered(key, texts, list(there)))
    if choice.text is None:
        beside = [name for name in BESIDE_MESSAGES if name in there]
        for name in MESSAGES:
            if name in there and _is_list(there[name]):
                return Columns([name, *beside])
        if set(ALPACA) <= set(texts):
            return Columns([*ALPACA, *beside])
    text = choice.text or next((name for name in TEXT_FIELDS if name in texts), None)
    if text is None:
        raise BadInput(
            where,
            f"has no column named {', '.join(TEXT_FIELDS)}, and no conversations",
            _offered("text", texts, list(there)),
        )
    usual = (name for name in TITLE_FIELDS if name in texts and name != text)
    titles = (choice.title,) if choice.title else tuple(usual)
    names = [text, *titles, *(name for name in DETAILS if name in there)]
    return Columns(list(dict.fromkeys(names)), text, titles)


def _offered(key: str, texts: list[str], there: list[str]) -> str:
    if texts:
        return f"Name one as {key}: {', '.join(texts)}"
    return f"None of its columns holds texts: {', '.join(there) or 'it has none'}"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)
