"""The corpus and what was dropped of it, written chunk by chunk, and counted on the way."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.documents import DOCUMENT_SCHEMA, REJECTED_SCHEMA
from tasks.ingest.language import primary
from tasks.kept_shards import KeptShards
from tasks.params import PreprocessParams
from tasks.planned_shards import PlannedShards, ShardPlan
from tasks.preprocess.chunk_work import Chunk, ChunkWork
from tasks.preprocess.decontamination import Leak
from tasks.preprocess.dropping import OF_EARLIER, Documents, Why, kind
from tasks.preprocess.finished_documents import FinishedDocuments
from tasks.preprocess.splits import SPLITS

GONE = len(SPLITS)
"""Where documents go that are in no split."""

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
        corpus_sha256: of the SHA-256 of id and text, with a zero byte between, of each that stays.
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

    def count_split(self, split: str, outlines: pa.Table) -> None:
        """Count documents of a split."""
        self.documents[split] += outlines.num_rows
        self.characters[split] += pc.sum(outlines["characters"]).as_py() or 0
        self.bytes[split] += pc.sum(outlines["bytes"]).as_py() or 0

    def count_kept(self, outlines: pa.Table) -> None:
        """Count documents that stay, in the order of their ids."""
        for lang, number in Counter(outlines["lang"].to_pylist()).items():
            self.languages[primary(lang)] += number
        self._sha256.update(b"".join(outlines["content"].to_pylist()))

    def count_dropped(self, outlines: pa.Table, reasons: Sequence[str]) -> None:
        """Count documents that went."""
        sources = outlines["source"].to_pylist()
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
    finished: FinishedDocuments,
    work: ChunkWork,
    documents: Documents,
    splits: NDArray[np.int8],
    out: Path,
    rejected: Path,
    params: PreprocessParams,
    kept: KeptShards,
) -> Written:
    """Write the splits below ``out``, and into ``rejected`` what was dropped.

    Shards of which the last run has written the same are linked to these.

    Args:
        finished: the documents as they will be written.
        work: what became of them.
        documents: which of them stay.
        splits: the place in ``SPLITS`` of each that stays.
        out, rejected: folders.
        params: the stage's.
        kept: shards of earlier runs.
    """
    written, reasons = Written(), _Reasons(documents)
    into = np.full(len(documents.why), GONE, np.int8)
    into[documents.staying()] = splits
    plans = [
        ShardPlan(schema, shard_rows=params.shard_documents)
        for schema in (*[DOCUMENT_SCHEMA] * len(SPLITS), REJECTED_SCHEMA)
    ]
    chunks = zip(work.chunks, documents.parts(), finished.outlines(), strict=True)
    for chunk, part, outlines in chunks:
        written.count_kept(outlines.filter(pa.array(into[part] != GONE)))
        for number, split in enumerate(SPLITS):
            of_split = outlines.filter(pa.array(into[part] == number))
            written.count_split(split, of_split)
            plans[number].add(*_planned(of_split))
        gone = outlines.filter(pa.array(into[part] == GONE))
        why = reasons.of(work, chunk, part, outlines["id"])
        written.count_dropped(gone, why)
        plans[GONE].add(*_planned(gone, why))
    with ExitStack() as stack:
        folders = [*(out / split for split in SPLITS), rejected]
        shards = [
            stack.enter_context(PlannedShards(folder, plan, kept))
            for folder, plan in zip(folders, plans, strict=True)
        ]
        is_lacking = np.zeros(len(into), bool)
        for number, each in enumerate(shards):
            is_lacking[into == number] = each.lacking
        parts = documents.parts()
        wanted = [number for number, part in enumerate(parts) if is_lacking[part].any()]
        for place, table in zip(wanted, finished.tables(wanted), strict=True):
            part, chunk = parts[place], work.chunks[place]
            for number, each in enumerate(shards):
                of_these, lacks = into[part] == number, is_lacking[part]
                rows = table.filter(pa.array(of_these & lacks))
                if number == GONE:
                    why = reasons.of(work, chunk, part, table["id"])
                    lacking = pa.array(why, pa.string()).filter(pa.array(lacks[of_these]))
                    rows = rows.append_column(REJECTED_SCHEMA.field("reason"), lacking)
                each.add(rows)
    return written


def _planned(
    outlines: pa.Table, reasons: Sequence[str] | None = None
) -> tuple[list[str], np.ndarray, list[bytes]]:
    """Ids, sizes and hashes of rows, with their reasons where they have some."""
    ids, hashes = outlines["id"].to_pylist(), outlines["row"].to_pylist()
    sizes = outlines["size"].to_numpy()
    if reasons is None:
        return ids, sizes, hashes
    both = zip(hashes, reasons, strict=True)
    lengths = np.fromiter(map(len, reasons), np.int64, len(reasons))
    return ids, sizes + lengths, [blake2b(row + why.encode()).digest() for row, why in both]


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
