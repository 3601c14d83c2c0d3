"""The corpus and what was dropped of it, written chunk by chunk, and counted on the way."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.documents import DOCUMENT_SCHEMA, REJECTED_SCHEMA
from tasks.ingest.language import primary
from tasks.params import PreprocessParams
from tasks.preprocess.chunk_work import Chunk, ChunkWork
from tasks.preprocess.decontamination import Leak
from tasks.preprocess.dropping import OF_EARLIER, Documents, Why, kind
from tasks.preprocess.raw_documents import again
from tasks.preprocess.splits import SPLITS
from tasks.table_shards import TableShards

AS_THEY_CAME = ("id", "source", "url", "lang", "license", "fetched_at", "meta")
SAID = {
    Why.EQUAL: "duplicate",
    Why.REPEATED: "repeated paragraphs",
    Why.EQUAL_WITHOUT: "duplicate but for repeated paragraphs",
}
KINDS = {
    **SAID,
    **OF_EARLIER,
    Why.UNLIKE: "classifier",
    Why.EVALUATED: "evaluation text",
    Why.NEAR: "near duplicate",
}


class Written:
    """What was written.

    Attributes:
        documents, characters, bytes: of each split.
        languages: documents that stay by primary code.
        rejected: documents that went, by source and kind of reason.
        corpus_sha256: of the ids and texts that stay.
    """

    def __init__(self) -> None:
        self.documents: Counter[str] = Counter()
        self.characters: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.rejected: Counter[tuple[str, str]] = Counter()
        self._sha256 = hashlib.sha256()

    @property
    def corpus_sha256(self) -> str:
        return self._sha256.hexdigest()

    def count_split(self, split: str, table: pa.Table) -> None:
        """Count documents of a split."""
        self.documents[split] += table.num_rows
        self.characters[split] += pc.sum(pc.utf8_length(table["text"])).as_py() or 0
        self.bytes[split] += pc.sum(pc.binary_length(table["text"])).as_py() or 0

    def count_kept(self, table: pa.Table) -> None:
        """Count documents that stay, in the order of their ids."""
        for lang, number in Counter(table["lang"].to_pylist()).items():
            self.languages[primary(lang)] += number
        ended = pc.binary_join_element_wise(table["id"], table["text"], "", "\0")
        for part in ended.chunks:
            ends = np.frombuffer(part.buffers()[1], np.int32)[part.offset :][: len(part) + 1]
            self._sha256.update(part.buffers()[2][ends[0] : ends[-1]])

    def count_dropped(self, table: pa.Table) -> None:
        """Count documents that went."""
        sources, reasons = table["source"].to_pylist(), table["reason"].to_pylist()
        self.rejected.update(zip(sources, map(kind, reasons), strict=True))


def kinds_of_reasons(work: ChunkWork, documents: Documents) -> Counter[str]:
    """How many documents go for each kind of reason; nothing is written."""
    kinds: Counter[str] = Counter()
    for chunk, part in zip(work.chunks, documents.parts(), strict=True):
        why = documents.why[part]
        worth = work.read(chunk, "worth", ["reason"])["reason"]
        kinds.update(map(kind, worth.filter(pa.array(why == Why.ITSELF)).to_pylist()))
        others = why[(why != Why.STAYS) & (why != Why.ITSELF)].tolist()
        kinds.update(KINDS[Why(reason)] for reason in others)
    return kinds


def write_corpus(
    files: Sequence[Path],
    work: ChunkWork,
    documents: Documents,
    splits: NDArray[np.int8],
    out: Path,
    rejected: Path,
    params: PreprocessParams,
) -> Written:
    """Write the splits below ``out``, and into ``rejected`` what was dropped.

    Args:
        files: the documents as they came, sorted.
        work: what became of them.
        documents: which of them stay.
        splits: the place in ``SPLITS`` of each that stays.
        out, rejected: folders.
        params: the stage's.
    """
    written = Written()
    split_of = np.full(len(documents.why), -1, np.int8)
    split_of[documents.staying()] = splits
    reasons = _Reasons(documents)
    counts = [chunk.rows for chunk in work.chunks]
    chunks = zip(work.chunks, documents.parts(), again(files, AS_THEY_CAME, counts), strict=True)
    with ExitStack() as stack:

        def shards(folder: Path, schema: pa.Schema) -> TableShards:
            return stack.enter_context(
                TableShards(folder, schema, shard_rows=params.shard_documents)
            )

        parts = [shards(out / split, DOCUMENT_SCHEMA) for split in SPLITS]
        dropped = shards(rejected, REJECTED_SCHEMA)
        for chunk, part, came in chunks:
            table = _with_texts(came, work, chunk, documents.why[part])
            stays = documents.why[part] == Why.STAYS
            written.count_kept(table.filter(pa.array(stays)))
            for number, split in enumerate(SPLITS):
                of_split = table.filter(pa.array(split_of[part] == number))
                parts[number].add(of_split)
                written.count_split(split, of_split)
            gone = table.filter(pa.array(~stays)).append_column(
                REJECTED_SCHEMA.field("reason"),
                pa.array(reasons.of(work, chunk, part, came["id"]), pa.string()),
            )
            dropped.add(gone)
            written.count_dropped(gone)
    return written


def _with_texts(came: pa.Table, work: ChunkWork, chunk: Chunk, why: NDArray[np.int8]) -> pa.Table:
    """A chunk's documents with their titles and texts as they are now."""
    texts = work.texts(chunk)
    if "shortened" in chunk.layers:
        are_whole = np.isin(why, [Why.REPEATED, Why.EQUAL_WITHOUT, Why.EARLIER_WITHOUT])
        texts = pc.if_else(pa.array(are_whole), work.texts(chunk, whole=True), texts)
    columns = {name: came[name] for name in came.column_names}
    columns |= {"title": work.read(chunk, "formed", ["title"])["title"], "text": texts}
    return pa.table([columns[name] for name in DOCUMENT_SCHEMA.names], DOCUMENT_SCHEMA)


class _Reasons:
    """Says why documents go; to be asked chunk after chunk."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        near = np.flatnonzero(documents.why == Why.NEAR)
        # The ids of those that others are like, as they come by: always before these others.
        self._named = np.unique(documents.firsts[near]) if len(near) else near
        self._ids: dict[int, str] = {}

    def of(self, work: ChunkWork, chunk: Chunk, part: slice, ids: pa.ChunkedArray) -> list[str]:
        """The reasons of a chunk's documents that go."""
        between = np.searchsorted(self._named, [part.start, part.stop])
        for place in self._named[slice(*between)].tolist():
            self._ids[place] = ids[place - part.start].as_py()
        why = self._documents.why[part]
        found = set(why.tolist())
        worth = work.read(chunk, "worth", ["reason"])["reason"] if Why.ITSELF in found else None
        scores = work.read(chunk, "scores")["score"] if Why.UNLIKE in found else None
        leaks = _leaks(work, chunk) if Why.EVALUATED in found else []
        reasons = []
        for row in np.flatnonzero(why != Why.STAYS).tolist():
            reason = Why(int(why[row]))
            if reason is Why.ITSELF and worth is not None:
                reasons.append(worth[row].as_py())
            elif reason is Why.UNLIKE and scores is not None:
                reasons.append(f"classifier: {scores[row].as_py():.3f}")
            elif reason is Why.EVALUATED:
                reasons.append(leaks[row].reason)
            elif reason in OF_EARLIER:
                reasons.append(self._documents.of_earlier(part.start + row))
            elif reason is Why.NEAR:
                first = int(self._documents.firsts[part.start + row])
                reasons.append(f"near duplicate: {self._ids[first]}")
            else:
                reasons.append(SAID[reason])
        return reasons


def _leaks(work: ChunkWork, chunk: Chunk) -> list[Leak]:
    """What is said of each document; nothing of sense where it holds no evaluation text."""
    return [Leak(**row) for row in work.read(chunk, "leaks", Leak._fields).to_pylist()]
