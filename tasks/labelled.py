"""Labelled texts and questions as they stand on disk, in ``data/labelled/``.

``texts/`` holds what a classifier learns from, ``questions/`` what a reader of passages does;
both as Parquet sorted by id, as documents are (documents.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tasks.documents import read_table
from tasks.sorted_shards import SortedShards

TEXT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("text_pair", pa.string()),
        pa.field("label", pa.string()),
        pa.field("split", pa.string()),
    ]
)
ANSWER_TYPE = pa.struct([pa.field("text", pa.string()), pa.field("start", pa.int64())])
QUESTION_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("context", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
        pa.field("answers", pa.list_(ANSWER_TYPE), nullable=False),
        pa.field("split", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text, or a pair of them, and its label; None where the set keeps its labels to itself.

    ``split`` is ``train``, ``validation`` or ``test`` where the file says so.
    """

    id: str
    source: str
    lang: str
    text: str
    text_pair: str | None = None
    label: str | None = None
    split: str | None = None

    def row(self) -> dict[str, Any]:
        """The text as a row of ``TEXT_SCHEMA``."""
        return {name: getattr(self, name) for name in TEXT_SCHEMA.names}


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a context. Its answers are pieces of the context, each with the place, in
    characters, where it begins; there are none where the context does not tell."""

    id: str
    source: str
    lang: str
    context: str
    question: str
    answers: list[dict[str, Any]]
    title: str | None = None
    split: str | None = None

    def row(self) -> dict[str, Any]:
        """The question as a row of ``QUESTION_SCHEMA``."""
        return {name: getattr(self, name) for name in QUESTION_SCHEMA.names}


def write_labelled_texts(texts: Iterable[LabelledText], folder: Path, *, shard_rows: int) -> None:
    """Write labelled texts, in any order, as ``ingest`` does."""
    with SortedShards(folder / "texts", TEXT_SCHEMA, shard_rows=shard_rows) as shards:
        for text in texts:
            shards.add(text.row())


def read_labelled_texts(folder: Path) -> Iterator[LabelledText]:
    """The labelled texts, by id; errors as ``read_table``."""
    for row in read_table(folder / "texts", TEXT_SCHEMA).to_pylist():
        yield LabelledText(**row)


def read_questions(folder: Path) -> Iterator[Question]:
    """The questions, by id; errors as ``read_table``."""
    for row in read_table(folder / "questions", QUESTION_SCHEMA).to_pylist():
        yield Question(**row)
