"""Documents as they will be written: as they came, with what the layers say of title and text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrow_bytes import from_bytes, to_bytes
from tasks.documents import DOCUMENT_SCHEMA
from tasks.preprocess.chunk_work import ChunkWork
from tasks.preprocess.dropping import Documents, Why
from tasks.preprocess.layers.outlines import outlines
from tasks.preprocess.raw_chunks import AS_THEY_CAME
from tasks.preprocess.raw_documents import again

OF_WHOLE_TEXTS = [Why.REPEATED, Why.EQUAL_WITHOUT, Why.EARLIER_WITHOUT]
"""Documents that go for these are shown with the paragraphs that stood before."""

LAYER = "outlines"


class FinishedDocuments:
    """All documents of a corpus, chunk by chunk, in order.

    Args:
        files: the documents as they came, sorted.
        work: what became of them.
        documents: why some go.
    """

    def __init__(self, files: Sequence[Path], work: ChunkWork, documents: Documents) -> None:
        self._files, self._work, self._documents = files, work, documents

    def tables(self, numbers: Sequence[int]) -> Iterator[pa.Table]:
        """The documents of some chunks, whose numbers ascend."""
        counts = [chunk.rows for chunk in self._work.chunks]
        came = again(self._files, AS_THEY_CAME, counts, numbers)
        for number, table in zip(numbers, came, strict=True):
            yield self._table(number, table)

    def outlines(self) -> Iterator[pa.Table]:
        """The outlines of all chunks (layers/outlines.py); those that are kept cost no reading."""
        kept = self._work.kept
        names = [self._fingerprint(number) for number in range(len(self._work.chunks))]
        lacking = [number for number, name in enumerate(names) if kept.find(LAYER, name) is None]
        for number, table in zip(lacking, self.tables(lacking), strict=True):
            kept.keep(LAYER, names[number], to_bytes(outlines(table)))
        for name in names:
            yield from_bytes(kept[LAYER, name])

    def _fingerprint(self, number: int) -> str:
        chunk = self._work.chunks[number]
        are_whole = self._are_whole(number).tobytes() if "shortened" in chunk.layers else b""
        return self._work.prints.of_outlines(chunk.layers, chunk.came, are_whole)

    def _are_whole(self, number: int) -> np.ndarray:
        return np.isin(self._documents.why[self._documents.parts()[number]], OF_WHOLE_TEXTS)

    def _table(self, number: int, came: pa.Table) -> pa.Table:
        work, chunk = self._work, self._work.chunks[number]
        texts = work.texts(chunk)
        if "shortened" in chunk.layers:
            are_whole = pa.array(self._are_whole(number))
            texts = pc.if_else(are_whole, work.texts(chunk, whole=True), texts)
        columns = {name: came[name] for name in came.column_names}
        columns |= {"title": work.read(chunk, "formed", ["title"])["title"], "text": texts}
        return pa.table([columns[name] for name in DOCUMENT_SCHEMA.names], DOCUMENT_SCHEMA)
