"""Brings every chunk's layers into being: what is kept is taken, the rest sent to the workers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import pyarrow as pa
from pydantic import BaseModel

from tasks.arrow_bytes import column_names, from_bytes, to_bytes
from tasks.executor import Workers, ordered_map
from tasks.kept_results import KeptResults
from tasks.preprocess.borrowing import Borrowed, Lenders
from tasks.preprocess.layers.asked import ASKED, lacking, stays
from tasks.preprocess.layers.fingerprints import IN_ORDER, Fingerprints
from tasks.preprocess.layers.formed import replaced_in
from tasks.preprocess.layers.work import Layers, Piece, Rules, final_texts, whole_texts, work
from tasks.preprocess.raw_chunks import RawChunk, RawChunks
from tasks.progress import Progress

FORMED = {"rows", "formed"}
"""The layers that are made of documents as they came."""

LITTLE_BYTES = 2_000_000
"""So much, as it is sent, is sooner done here than processes are started for it."""


class WorkDone(BaseModel):
    """What a run had to do.

    Attributes:
        chunks: of the corpus.
        kept: those of which everything was kept.
        mended: those that were kept but for some documents.
        new_documents: these documents.
        made: of the other chunks, by layer, those of which it was made, or more was added to it.
    """

    chunks: int = 0
    kept: int = 0
    mended: int = 0
    new_documents: int = 0
    made: dict[str, int] = {}

    def __str__(self) -> str:
        made = ", ".join(f"{name} of {number}" for name, number in self.made.items())
        mended = f", {self.mended} but for {self.new_documents} documents" if self.mended else ""
        anew = f"; made anew: {made}" if made else ""
        return f"kept {self.kept} of {self.chunks} chunks{mended}{anew}"


@dataclass
class Chunk:
    """How many documents, a hash of what stays of them as it came, and under which fingerprint each
    layer is kept."""

    rows: int
    came: str
    layers: dict[str, str] = field(default_factory=dict)


class ChunkWork:
    """All chunks of a corpus and their layers.

    Args:
        rules: what decides the layers.
        prints: under what they are kept, by the same rules.
        kept: where.
        workers: who makes them.
    """

    def __init__(
        self, rules: Rules, prints: Fingerprints, kept: KeptResults, workers: Workers
    ) -> None:
        self._rules, self._workers = rules, workers
        self.prints, self.kept = prints, kept
        self._made: Counter[str] = Counter()
        self._touched: set[int] = set()
        self._lenders: Lenders | None = None
        self._borrowed: dict[int, Borrowed] = {}
        self._mended_chunks = self._new_documents = 0
        self.chunks: list[Chunk] = []

    @property
    def done(self) -> WorkDone:
        """What there was to do."""
        count = len(self.chunks)
        return WorkDone(
            chunks=count,
            kept=count - len(self._touched),
            mended=self._mended_chunks,
            new_documents=self._new_documents,
            made={name: self._made[name] for name in IN_ORDER if name in self._made},
        )

    def make_first(self, files: Sequence[Path], progress: Progress, total: int) -> None:
        """The layers that documents decide by themselves; reads what is new of the files once."""

        def pieces() -> Iterator[Piece]:
            documents = 0
            for number, raw in enumerate(RawChunks(files, self.kept, self._are_formed)):
                layers = self.prints.of_first(self.prints.of_rows(raw.content))
                self.chunks.append(Chunk(raw.rows, raw.came, layers))
                progress(documents, total, "documents")
                documents += raw.rows
                if self.kept.find("rows", layers["rows"]) is None:
                    self._lenders = self._lenders or Lenders(self.kept, self.prints)
                    if borrowed := self._lenders.known(raw.read()):
                        yield from self._mended(number, borrowed, raw.read())
                        continue
                yield from self._piece(number, self.prints.first, raw=raw)

        self._do(pieces())
        progress(total, total, "documents")

    def make_shortened(self, repeated: Sequence[pa.Array | None]) -> None:
        """The layer ``shortened`` of the chunks in which paragraphs stood before.

        Args:
            repeated: for each chunk, where there are any, a list for each document that says which
                of its long paragraphs go.
        """

        def pieces() -> Iterator[Piece]:
            for number, (chunk, these) in enumerate(zip(self.chunks, repeated, strict=True)):
                if these is not None:
                    given = to_bytes(pa.table({"these": these}))
                    texts = chunk.layers["texts"]
                    chunk.layers["shortened"] = self.prints.of_shortened(texts, given)
                    yield from self._piece(number, ("shortened",), repeated=given)

        self._do(pieces())

    def make_keys(self) -> None:
        """The layer ``keys``, of what is left of the texts."""

        def pieces() -> Iterator[Piece]:
            for number, chunk in enumerate(self.chunks):
                texts = chunk.layers.get("shortened") or chunk.layers["texts"]
                chunk.layers["keys"] = self.prints.of_keys(texts)
                yield from self._piece(number, ("keys",))

        self._do(pieces())

    def read(self, chunk: Chunk, layer: str, columns: Sequence[str] | None = None) -> pa.Table:
        """A layer of a chunk, or some of its columns."""
        return from_bytes(self.kept[layer, chunk.layers[layer]], columns)

    def texts(self, chunk: Chunk, *, whole: bool = False) -> pa.ChunkedArray:
        """What is left of the texts of a chunk; ``whole``: with paragraphs that stood before."""
        formed = self.read(chunk, "formed", ["text"])
        worth = self.read(chunk, "worth", ["text"])
        if whole or "shortened" not in chunk.layers:
            return whole_texts(formed, worth)
        return final_texts(formed, worth, self.read(chunk, "shortened", ["text"]))

    def replaced(self) -> Counter[tuple[str, str, str]]:
        """How much personal data was replaced: by source, language and kind."""
        total: Counter[tuple[str, str, str]] = Counter()
        for chunk in self.chunks:
            total.update(replaced_in(self.read(chunk, "formed", ["source", "lang", "replaced"])))
        return total

    def _piece(
        self,
        number: int,
        layers: Sequence[str],
        *,
        raw: RawChunk | None = None,
        repeated: bytes | None = None,
    ) -> Iterator[Piece]:
        """The work there is on a chunk, if any: layers that are not kept, or that lack rows."""
        names = self.chunks[number].layers
        there = {name: self.kept.find(name, names[name]) for name in layers}
        judged_anew = "worth" in layers and there["worth"] is None
        wanted = [
            name
            for name, content in there.items()
            if content is None
            or (name in ASKED and (judged_anew or self._lacks_rows(number, content)))
        ]
        if "worth" in layers and not judged_anew:
            for name in self.prints.found:
                self.kept.use(name, names[name])
        if not wanted:
            return
        given = {} if repeated is None else {"repeated": repeated}
        if FORMED & {*wanted} and raw is not None:
            given["raw"] = to_bytes(raw.read())
        if {*wanted} - FORMED:
            grow = [name for name in ASKED if name in wanted]
            grow += self.prints.found if judged_anew else []
            build_on = {"formed", "worth", "shortened"} - {*wanted}
            for name in (*sorted(build_on & names.keys()), *grow):
                if content := there.get(name) or self.kept.find(name, names[name]):
                    given[name] = content
        self._touched.add(number)
        yield Piece(number, self._rules, given, wanted)

    def _are_formed(self, contents: Sequence[str]) -> bool:
        """Whether there is what is made of these chunks as they came, be it whole or not."""
        layers = (self.prints.of_first(self.prints.of_rows(content)) for content in contents)
        return all(self.kept.has(name, each[name]) for each in layers for name in FORMED)

    def _lacks_rows(self, number: int, asked: bytes) -> bool:
        """Whether there are rows that will be asked for and are not there."""
        worth = self.read(self.chunks[number], "worth", ["reason"])
        return len(lacking(from_bytes(asked, column_names(asked)[:1]), stays(worth))) > 0

    def _mended(self, number: int, borrowed: Borrowed, raw: pa.Table) -> Iterator[Piece]:
        """The work there is on a chunk of which most documents are known."""
        self._touched.add(number)
        self._borrowed[number] = borrowed
        self._mended_chunks += 1
        self._new_documents += len(borrowed.new)
        if len(borrowed.new):
            given = {"raw": to_bytes(raw.take(borrowed.new))}
            yield Piece(number, self._rules, given, self.prints.first)
        else:
            self._keep(number, {})

    def _keep(self, number: int, layers: Layers) -> None:
        """Keep layers of a chunk, or of its new documents with what is lent of the others."""
        borrowed = self._borrowed.pop(number, None)
        if borrowed is not None:
            layers = borrowed.with_new(layers, self.prints, self.kept)
        else:
            self._made.update(list(layers))
        for name, content in layers.items():
            self.kept.keep(name, self.chunks[number].layers[name], content)

    def _do(self, pieces: Iterator[Piece]) -> None:
        has_pool = self._workers.count > 0 and self._workers.cluster is None
        first: list[Piece] = []
        size = 0
        while has_pool and size <= LITTLE_BYTES and (piece := next(pieces, None)) is not None:
            first.append(piece)
            size += sum(map(len, piece.given.values()))
        done = (
            map(work, first)
            if has_pool and size <= LITTLE_BYTES
            else ordered_map(self._workers, work, chain(first, pieces))
        )
        for number, layers in done:
            self._keep(number, layers)
