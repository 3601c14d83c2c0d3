"""A document and a dialogue as they stand on disk: the columns, and how they are read and written.

Every file is Parquet with fixed settings and rows sorted by id, so that the same rows make the
same bytes. A folder holds numbered shards; readers take them in the order of their names, some
hundred rows at a time, so that a folder may be larger than memory.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatwright.errors import BadInput, MissingInput
from tasks.corpus_folder import here
from tasks.sorted_shards import SortedShards

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("license", pa.string()),
        pa.field("fetched_at", pa.timestamp("us", tz="UTC")),
        pa.field("meta", pa.string(), nullable=False),
    ]
)
REJECTED_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("reason", pa.string(), nullable=False))
MESSAGE_TYPE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
DIALOGUE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("messages", pa.list_(MESSAGE_TYPE), nullable=False),
    ]
)

SHARD_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class Document:
    """One text with its metadata; ``id`` is ``<source>/<stable name>``."""

    id: str
    source: str
    title: str
    text: str
    lang: str
    url: str | None = None
    license: str | None = None
    fetched_at: datetime | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The document as a row of ``DOCUMENT_SCHEMA``; ``meta`` becomes JSON with sorted keys."""
        row = {name: getattr(self, name) for name in DOCUMENT_SCHEMA.names}
        row["meta"] = json.dumps(self.meta, ensure_ascii=False, sort_keys=True)
        return row


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation: messages of ``{"role": ..., "content": ...}``, oldest first."""

    id: str
    source: str
    lang: str
    category: str
    messages: list[dict[str, str]]

    def row(self) -> dict[str, Any]:
        """The dialogue as a row of ``DIALOGUE_SCHEMA``."""
        return {name: getattr(self, name) for name in DIALOGUE_SCHEMA.names}


@dataclass(frozen=True, slots=True)
class FolderTexts:
    """The texts of a folder's documents, in order: read anew each time that they are gone through,
    with the errors of ``read_batches``."""

    folder: Path

    def __iter__(self) -> Iterator[str]:
        for batch in self._batches():
            yield from batch["text"].to_pylist()

    def size_bytes(self) -> int:
        """Of all texts together."""
        lengths = (pc.sum(pc.binary_length(batch["text"])).as_py() for batch in self._batches())
        return sum(length or 0 for length in lengths)

    def _batches(self) -> Iterator[pa.Table]:
        return read_batches(self.folder, pa.schema([DOCUMENT_SCHEMA.field("text")]))


def write_documents(
    documents: Iterable[Document], folder: Path, *, shard_rows: int = SHARD_ROWS
) -> None:
    """Write documents as Parquet shards, sorted by id; see ``SortedShards``."""
    with SortedShards(folder, DOCUMENT_SCHEMA, shard_rows=shard_rows) as shards:
        for document in documents:
            shards.add(document.row())


def write_dialogues(
    dialogues: Iterable[Dialogue], folder: Path, *, shard_rows: int = SHARD_ROWS
) -> None:
    """Write dialogues as Parquet shards, sorted by id; see ``SortedShards``."""
    with SortedShards(folder, DIALOGUE_SCHEMA, shard_rows=shard_rows) as shards:
        for dialogue in dialogues:
            shards.add(dialogue.row())


def read_table(folder: Path, schema: pa.Schema) -> pa.Table:
    """All rows of a folder's Parquet files, at any depth, in the order of the files' names.

    Raises:
        MissingInput: there is no such folder, or no Parquet file in it.
        BadInput: a file is corrupt or lacks a column; it is named.
    """
    paths = sorted(folder.rglob("*.parquet"))
    if not paths:
        raise MissingInput(str(folder), "there is no Parquet file", "Run the stage that writes it")
    tables = []
    for path in paths:
        try:
            tables.append(pq.ParquetFile(path).read(columns=schema.names).cast(schema))
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            raise unreadable(path, error) from None
    return pa.concat_tables(tables)


def read_batches(folder: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of ``read_table`` in the same order, a part of them at a time, and never none.

    Raises:
        MissingInput, BadInput: as ``read_table``; of a file, when its turn comes.
    """
    found = here(folder)
    found.must_be_there()
    for shard in found.shards():
        for batch in shard.batches(schema.names):
            try:
                yield batch.cast(schema)
            except pa.ArrowException as error:
                raise unreadable(Path(shard.path), error) from None


def unreadable(path: Path, error: Exception) -> BadInput:
    """What to say of a Parquet file that a stage wrote and that cannot be read."""
    reason = " ".join(str(error).split()).rstrip(".")
    return BadInput(str(path), f"cannot be read: {reason}", "Run the stage that writes it again")


def read_documents(folder: Path, ids: Collection[str] | None = None) -> Iterator[Document]:
    """The documents of a folder, in order; errors as ``read_batches``.

    Args:
        ids: only those with one of these ids; None: all.
    """
    for row in _rows(folder, DOCUMENT_SCHEMA, ids):
        yield Document(**{**row, "meta": json.loads(row["meta"])})


def read_dialogues(folder: Path, ids: Collection[str] | None = None) -> Iterator[Dialogue]:
    """The dialogues of a folder, as ``read_documents``."""
    for row in _rows(folder, DIALOGUE_SCHEMA, ids):
        yield Dialogue(**row)


def _rows(folder: Path, schema: pa.Schema, ids: Collection[str] | None) -> Iterator[dict[str, Any]]:
    for batch in read_batches(folder, schema):
        if ids is not None:
            batch = batch.filter(pa.array([each in ids for each in batch["id"].to_pylist()]))
        yield from batch.to_pylist()
