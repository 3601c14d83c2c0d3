"""Segments: what some files gave, on disk, so that they need not be read again.

A segment is a folder with a table (Parquet, in the order of the files) for each kind of thing that
was found, one more for the documents' outlines, and ``files.json``: which files these were, in
which state, how many rows of each table are theirs, and what was left out of them. It holds a
thousand small files or one large one, so that a small file costs no files of its own. It is written
once, under a name that is the hash of ``files.json``, in which the hashes of the tables stand: so
damage is noticed, wherever it is, and a segment is there whole or not at all.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tasks.documents import DIALOGUE_SCHEMA, DOCUMENT_SCHEMA, Dialogue, Document
from tasks.ingest.file_state import State, content_of
from tasks.ingest.left_out import LeftOut
from tasks.ingest.source_files import Found, Rows
from tasks.labelled import QUESTION_SCHEMA, TEXT_SCHEMA, LabelledText, Question
from tasks.outlined_shards import OutlinedDocuments
from tasks.outlines import OUTLINE_SCHEMA, outlines
from tasks.placing import remove
from tasks.row_tables import Row, mask_as_array, size, table_of

KINDS: dict[type[Found], pa.Schema] = {
    Document: DOCUMENT_SCHEMA,
    Dialogue: DIALOGUE_SCHEMA,
    LabelledText: TEXT_SCHEMA,
    Question: QUESTION_SCHEMA,
}
OUTLINES = "Outlines"
"""The table of the documents' outlines."""

LISTING = "files.json"
PARTIAL = ".partial"  # begins the name of one that is not finished

GROUP_ROWS = 10_000
GROUP_SIZE = 4_000_000
"""So much text, in characters, is in memory while a segment is written or read."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file of a segment.

    Attributes:
        where, first: as ``SourceFile``.
        state: what the disk said of it; None where that would not tell of another change.
        content: the hash of its bytes; None for one that changed while it was read, or could not
            be: what it gave serves this one run.
        rows: how many rows it has in the table of each kind.
        counts, by_reason: as ``LeftOut``.
    """

    where: str
    first: int
    state: State | None
    content: str | None
    rows: dict[str, int]
    counts: dict[str, int] = field(default_factory=dict)
    by_reason: dict[str, list[str]] = field(default_factory=dict)

    def left_out(self) -> LeftOut:
        """What was left out of it."""
        found = LeftOut()
        found.counts.update(self.counts)
        found.by_reason = {reason: list(named) for reason, named in self.by_reason.items()}
        return found


class Segment:
    """A segment that stands on disk."""

    def __init__(self, folder: Path, files: list[KeptFile], tables: dict[str, str]) -> None:
        self.folder, self.files, self._tables = folder, files, tables

    def is_sound(self) -> bool:
        """Whether its tables are as they were written."""
        try:
            return all(
                content_of(self._table(kind)) == hashed for kind, hashed in self._tables.items()
            )
        except OSError:
            return False

    def size_bytes(self) -> int:
        """What its tables take on disk."""
        return sum(self._table(kind).stat().st_size for kind in self._tables)

    def found(self, wanted: Collection[int]) -> Iterator[Found]:
        """What is in some of its files, given by their places in ``files``."""
        for rows in self.rows(wanted):
            for row in rows.table.to_pylist():
                if rows.kind is Document:
                    row["meta"] = json.loads(row["meta"])
                yield rows.kind(**row)

    def rows(self, wanted: Collection[int]) -> Iterator[Rows]:
        """The same as rows, kind by kind, some at a time."""
        for kind in KINDS:
            for table in self._rows_of(kind, wanted):
                yield Rows(kind, table)

    def parts(self, wanted: Collection[int]) -> Iterator[Rows | OutlinedDocuments]:
        """The same, but of documents what decides their shards."""
        found = list(self._selected(OUTLINES, self._mask(Document, wanted)))
        if found:
            read = partial(self._documents, wanted)
            yield OutlinedDocuments(pa.concat_tables(found), read)
        for kind in KINDS:
            if kind is not Document:
                for table in self._rows_of(kind, wanted):
                    yield Rows(kind, table)

    def _documents(self, wanted: Collection[int], some: NDArray[np.bool_]) -> Iterator[pa.Table]:
        """Some of the documents in the files that are wanted."""
        mask = self._mask(Document, wanted)
        mask[mask] = some
        return self._selected(Document.__name__, mask)

    def _rows_of(self, kind: type[Found], wanted: Collection[int]) -> Iterator[pa.Table]:
        return self._selected(kind.__name__, self._mask(kind, wanted))

    def _mask(self, kind: type[Found], wanted: Collection[int]) -> NDArray[np.bool_]:
        """Which rows are of the files that are wanted."""
        is_wanted = [place in wanted for place in range(len(self.files))]
        rows = [file.rows.get(kind.__name__, 0) for file in self.files]
        return np.repeat(np.array(is_wanted, bool), rows)

    def _selected(self, table: str, mask: NDArray[np.bool_]) -> Iterator[pa.Table]:
        """The rows of a table that a mask selects, some at a time."""
        if table not in self._tables:
            return
        end = 0
        with pq.ParquetFile(self._table(table)) as file:
            for number in range(file.num_row_groups):
                start, end = end, end + file.metadata.row_group(number).num_rows
                here = mask[start:end]
                if here.any():
                    group = file.read_row_group(number)
                    yield group if here.all() else group.filter(mask_as_array(here))

    def _table(self, kind: str) -> Path:
        return self.folder / f"{kind}.parquet"


def segment_in(folder: Path) -> Segment | None:
    """The segment that stands in a folder; None if it is no whole one."""
    try:
        listing = (folder / LISTING).read_bytes()
        if _hash(listing) != folder.name:
            return None
        told = json.loads(listing)
    except (OSError, ValueError):
        return None
    files = [
        KeptFile(**{**each, "state": each["state"] and tuple(each["state"])})
        for each in told["files"]
    ]
    return Segment(folder, files, told["tables"])


class SegmentWriter:
    """Writes a segment into a folder; it is there when ``finish`` is called.

    Nothing waits for the disk: what a loss of power leaves half written is noticed as damage.

    Raises:
        FileNotFoundError: the folder is not there.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._folder = store / f"{PARTIAL}{uuid.uuid4().hex}"
        self._folder.mkdir()
        self._held: dict[str, list[Row]] = {}
        self._held_size: Counter[str] = Counter()
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._schemas = {kind.__name__: schema for kind, schema in KINDS.items()}
        self._schemas[OUTLINES] = OUTLINE_SCHEMA
        self.files: list[KeptFile] = []

    def add(self, found: Found) -> None:
        """One more thing found in the file at hand."""
        kind, row = type(found).__name__, found.row()
        held = self._held.setdefault(kind, [])
        held.append(row)
        self._held_size[kind] += size(row)
        if len(held) >= GROUP_ROWS or self._held_size[kind] >= GROUP_SIZE:
            self._write_held(kind)

    def add_rows(self, rows: Rows) -> None:
        """Rows of another segment."""
        self._write(rows.kind.__name__, rows.table)

    def finish(self) -> Path:
        """Give it its name; returns the folder."""
        for kind in list(self._held):
            self._write_held(kind)
        for writer in self._writers.values():
            writer.close()
        tables = {kind: content_of(self._folder / f"{kind}.parquet") for kind in self._writers}
        listing = json.dumps({"files": [asdict(file) for file in self.files], "tables": tables})
        (self._folder / LISTING).write_text(listing, encoding="utf-8")
        folder = self._store / _hash(listing.encode())
        remove(folder)  # the same, but damaged
        self._folder.rename(folder)
        return folder

    def discard(self) -> None:
        """Leave nothing of it."""
        for writer in self._writers.values():
            writer.close()
        remove(self._folder)

    def _write_held(self, kind: str) -> None:
        if held := self._held.pop(kind, []):
            self._write(kind, table_of(held, self._schemas[kind]))
            self._held_size[kind] = 0

    def _write(self, kind: str, rows: pa.Table) -> None:
        if kind not in self._writers:
            path = self._folder / f"{kind}.parquet"
            self._writers[kind] = pq.ParquetWriter(path, self._schemas[kind], compression="lz4")
        self._writers[kind].write_table(rows)
        if kind == Document.__name__:
            self._write(OUTLINES, outlines(rows))


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
