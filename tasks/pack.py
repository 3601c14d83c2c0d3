"""The pack stage: clean documents become rows of token ids, ready to be memory-mapped.

Notable choices: a document stands between two ``<|endoftext|>``, so that its first word is
predicted too, and so is its end; documents are packed whole, so that none is cut but those longer
than a row; they are put in the order of a hash of their ids first, because neighbours by name are
alike, and a batch of likes is a worse sample. For that, texts lie on disk and are looked up there:
in memory is what they are worked on with, and some dozen bytes of each.

Not covered: documents longer than ``context_length`` are cut into several rows, not overlapped.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from chatwright.errors import CorpusTooSmall
from model.rows import write_rows
from model.tokenizer import ChatTokenizer
from tasks.corpus_folder import Folder, here
from tasks.encoding import encoded
from tasks.params import PackParams
from tasks.params_executor import ExecutorParams
from tasks.progress import Progress, silent
from tasks.stage import Stage
from tasks.texts_aside import TextsAside

SPLITS = ("train", "validation", "test")
OPEN_TOKENS = 1 << 21
"""Tokens of the rows that are filled side by side; when they are full they are written, as one
record batch. So memory does not grow with the corpus."""

BATCH_BYTES = 1 << 20
"""Of text that is encoded at a time."""

ALL_CORES = ExecutorParams()

Marked = tuple[Sequence[int] | np.ndarray, Sequence[bool] | None]
"""The ids of a text and, in a chat, which of them are the assistant's."""


class SplitReport(BaseModel):
    """Counts of one split; ``fill`` is the share of its rows that is text."""

    documents: int
    rows: int
    tokens: int
    fill: float


class PackReport(BaseModel):
    """Counts of all splits."""

    context_length: int
    train: SplitReport
    validation: SplitReport
    test: SplitReport


def pack(
    corpus: Path,
    tokenizer: Path,
    out: Path,
    params: PackParams,
    *,
    executor: ExecutorParams = ALL_CORES,
    progress: Progress = silent,
) -> PackReport:
    """Turn clean documents into rows of token ids, ready to be memory-mapped.

    Documents are placed first-fit into rows of ``params.context_length`` tokens; a row's
    ``position_ids`` restart at each document, so that attention can stop at the border.

    Args:
        corpus: the clean corpus, a folder for each split.
        tokenizer: the folder that the tokenizer stage wrote.
        out: the folder to write ``<split>.arrow`` to.
        executor: how many processes of this machine do it; the result is the same.

    Returns:
        Counts of rows, tokens and padding; ``fill`` is the share of the rows that is text.

    Raises:
        CorpusTooSmall: fewer tokens than one row takes; says how many are missing. (Whether they
            make a batch, pretraining sees.)
        MissingInput, BadInput: a split is not there, or one of its files cannot be read.
        WorkerDied: one of the processes was killed.
    """
    ids = ChatTokenizer.load(tokenizer)
    out.mkdir(parents=True, exist_ok=True)
    reports = {}
    for split in SPLITS:
        documents = here(corpus / split)
        documents.must_be_there()
        with TextsAside(out, documents.rows()) as texts:
            order = put_aside(documents, texts)
            ids_of_texts = _encoded(texts, order, tokenizer, ids, executor, progress, split)
            reports[split] = write_packed(
                out / f"{split}.arrow", ids_of_texts, params.context_length, ids.end_of_text_id
            )
    missing = params.context_length - reports["train"].tokens
    if missing > 0:
        raise CorpusTooSmall(
            str(corpus / "train"),
            f"it holds {reports['train'].tokens:,} tokens and one row takes "
            f"{params.context_length:,}: {missing:,} are missing",
            "Put more text into corpus/, or lower pack.context_length",
        )
    return PackReport(context_length=params.context_length, **reports)


def put_aside(documents: Folder, texts: TextsAside) -> NDArray[np.int64]:
    """Put the texts of all documents aside.

    Returns:
        Their places in the order of the hashes of their ids.
    """
    digests = np.zeros(len(texts), f"S{hashlib.sha256().digest_size}")
    start = 0
    for table in documents.batches(["id", "text"]):
        places = np.arange(start, start + len(table))
        texts.put(places, table["text"])
        names = table["id"].to_pylist()
        digests[places] = [hashlib.sha256(name.encode()).digest() for name in names]
        start += len(table)
    return np.argsort(digests, kind="stable")


def texts_in_order(texts: TextsAside, order: NDArray[np.int64]) -> Iterator[list[str]]:
    """The texts in another order, some megabyte at a time."""
    upto = np.cumsum(texts.sizes[order], dtype=np.int64)
    for part in np.split(order, np.flatnonzero(np.diff(upto // BATCH_BYTES)) + 1):
        yield [texts[place] for place in part.tolist()]


def _encoded(
    texts: TextsAside,
    order: NDArray[np.int64],
    folder: Path,
    ids: ChatTokenizer,
    executor: ExecutorParams,
    progress: Progress,
    split: str,
) -> Iterator[Marked]:
    end = np.array([ids.end_of_text_id], np.int32)
    size = int(texts.sizes.sum(dtype=np.int64))
    done = 0
    for some in encoded(texts_in_order(texts, order), folder, ids, executor, size=size):
        for text in some:
            yield np.concatenate([end, text, end]), None
        done += len(some)
        progress(done, len(order), "documents", split=split)


def write_packed(
    path: Path, texts: Iterable[Marked], context_length: int, filler: int
) -> SplitReport:
    """Pack texts first-fit into rows and write them.

    Args:
        texts: in the order to place them in. If one is marked, all are, and the file gets the
            column ``is_answer``.
        filler: the id that fills a row up; its position is 0, so nothing looks at it or learns it.
    """
    counts = {"documents": 0, "tokens": 0}

    def counted() -> Iterator[Marked]:
        for text, mark in texts:
            counts["documents"] += 1
            counts["tokens"] += len(text)
            yield text, mark

    rows = write_rows(path, _batches(counted(), context_length, filler))
    fill = counts["tokens"] / max(1, rows * context_length)
    return SplitReport(rows=rows, fill=round(fill, 4), **counts)


def _batches(
    texts: Iterable[Marked], context_length: int, filler: int
) -> Iterator[dict[str, np.ndarray]]:
    batch = _OpenRows(context_length, filler)
    written = False
    for text, mark in texts:
        for start in range(0, len(text), context_length):
            piece = slice(start, start + context_length)
            marked = None if mark is None else mark[piece]
            if not batch.place(text[piece], marked):
                yield batch.columns()
                written = True
                batch = _OpenRows(context_length, filler)
                batch.place(text[piece], marked)
    if batch.used or not written:
        yield batch.columns()


class _OpenRows:
    """Rows that are being filled, and a tree of maxima that finds the first with enough room.

    Node ``n`` has the children ``2n`` and ``2n + 1``; the leaves are the rows' free places.
    """

    def __init__(self, context_length: int, filler: int) -> None:
        # A power of two, so that the tree is whole.
        self.rows = 1 << max(0, (OPEN_TOKENS // context_length).bit_length() - 1)
        self.free = [context_length] * (2 * self.rows)
        self.used = 0
        shape = (self.rows, context_length)
        self.input_ids = np.full(shape, filler, np.int32)
        self.position_ids = np.zeros(shape, np.int32)
        self.is_answer: np.ndarray | None = None
        self._positions = np.arange(context_length, dtype=np.int32)

    def place(self, text: Sequence[int] | np.ndarray, mark: Sequence[bool] | None) -> bool:
        """Put a text into the first row that has room; False if none has."""
        if self.free[1] < len(text):
            return False
        node = 1
        while node < self.rows:
            node *= 2
            if self.free[node] < len(text):
                node += 1
        row, length = node - self.rows, self.input_ids.shape[1]
        start = length - self.free[node]
        place = slice(start, start + len(text))
        self.input_ids[row, place] = text
        self.position_ids[row, place] = self._positions[: len(text)]
        if mark is not None:
            if self.is_answer is None:
                self.is_answer = np.zeros_like(self.position_ids)
            self.is_answer[row, place] = mark
        self.used = max(self.used, row + 1)
        self.free[node] -= len(text)
        while node > 1:
            node //= 2
            most = max(self.free[2 * node], self.free[2 * node + 1])
            if most == self.free[node]:
                break  # and so is all above it
            self.free[node] = most
        return True

    def columns(self) -> dict[str, np.ndarray]:
        """The rows that hold something."""
        found = {"input_ids": self.input_ids, "position_ids": self.position_ids}
        if self.is_answer is not None:
            found["is_answer"] = self.is_answer
        return {name: values[: self.used] for name, values in found.items()}


def main() -> None:
    """Run the stage."""
    with Stage("pack") as stage:
        report = pack(
            stage.input("data/clean"),
            stage.input("artifacts/tokenizer"),
            stage.output("data/tokens"),
            stage.params.pack,
            executor=stage.params.executor,
            progress=stage.progress,
        )
        stage.report(report)


if __name__ == "__main__":
    main()
