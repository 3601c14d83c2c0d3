"""The chunks of the documents as they came, and which of them a file holds without unpacking it.

What chunks a file is made of is kept under the hash of its bytes, so a file that is the same as in
an earlier run is unpacked only where a chunk of it has work to be done.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from tasks.arrow_bytes import from_bytes, table_hash, to_bytes
from tasks.documents import DOCUMENT_SCHEMA
from tasks.ingest.file_state import content_of
from tasks.kept_results import KeptResults
from tasks.preprocess import raw_documents
from tasks.preprocess.layers.fingerprints import hashed
from tasks.program import program

LAYER = "files"
READ = ("title", "text", "lang", "source")
"""What the layers are made of."""

AS_THEY_CAME = ("id", "source", "url", "lang", "license", "fetched_at", "meta")
"""What stays of documents as it is."""


class RawChunk(NamedTuple):
    """A chunk as it came.

    Attributes:
        rows: how many documents.
        content: a hash of the columns ``READ``.
        came: a hash of the columns ``AS_THEY_CAME``.
        read: gives the columns ``READ``.
    """

    rows: int
    content: str
    came: str
    read: Callable[[], pa.Table]


class RawChunks:
    """All chunks of some files, in order.

    Args:
        files: as ``sorted_files`` gives them.
        kept: where it is kept what chunks a file holds.
        are_made: whether nothing has to be read of chunks with these ``content``, as far as can be
            told without a look at what is kept of them.
    """

    def __init__(
        self, files: Sequence[Path], kept: KeptResults, are_made: Callable[[Sequence[str]], bool]
    ) -> None:
        self._files, self._kept, self._are_made = files, kept, are_made
        by = program(raw_documents.__name__)
        self._rule = hashed(LAYER, by, str(raw_documents.CHUNK_BYTES), *READ, "", *AS_THEY_CAME)

    def __iter__(self) -> Iterator[RawChunk]:
        for path in self._files:
            fingerprint = hashed(self._rule, content_of(path))
            listing = self._kept.find(LAYER, fingerprint)
            known = from_bytes(listing).to_pylist() if listing is not None else []
            if known and self._are_made([chunk["content"] for chunk in known]):
                counts = [chunk["rows"] for chunk in known]
                for number, chunk in enumerate(known):
                    yield RawChunk(**chunk, read=partial(_chunk, path, counts, number))
                continue
            found = []
            for table in raw_documents.chunks(path, DOCUMENT_SCHEMA.names):
                columns = table.select(READ)
                came = table_hash(table.select(AS_THEY_CAME))
                chunk = {"rows": table.num_rows, "content": table_hash(columns), "came": came}
                found.append(chunk)
                yield RawChunk(**chunk, read=partial(_itself, columns))
            self._kept.keep(LAYER, fingerprint, to_bytes(pa.Table.from_pylist(found)))


def _chunk(path: Path, counts: Sequence[int], number: int) -> pa.Table:
    return next(raw_documents.again([path], READ, counts, [number]))


def _itself(columns: pa.Table) -> pa.Table:
    return columns
