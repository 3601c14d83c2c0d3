"""A part of a folder, of a bounded size and chosen by hash, for what takes longer with more text.

Notable choice: a folder is read twice, first for sizes and then for what stays, so that no more
than that is ever in memory.
"""

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from tasks.documents import (
    DOCUMENT_SCHEMA,
    Dialogue,
    Document,
    read_batches,
    read_dialogues,
    read_documents,
)

ID_AND_TEXT = pa.schema([DOCUMENT_SCHEMA.field("id"), DOCUMENT_SCHEMA.field("text")])


def thinned(folder: Path, most_bytes: int) -> list[Document]:
    """The documents of a folder, or as many of them as stay within a size, in order.

    In the order of their hashes they are taken up to the first that goes beyond. At least one
    stays, whatever its size.

    Raises:
        MissingInput, BadInput: as ``read_documents``.
    """
    return list(read_documents(folder, _chosen(_document_sizes(folder), most_bytes)))


def thinned_dialogues(folder: Path, most_bytes: int) -> list[Dialogue]:
    """The dialogues of a folder, chosen as ``thinned`` does; their size is that of what is said."""
    return list(read_dialogues(folder, _chosen(_dialogue_sizes(folder), most_bytes)))


def _chosen(sizes: Iterable[tuple[str, int]], most_bytes: int) -> set[str]:
    """Of ids and sizes, in any order, those that stay.

    The hashes' order is only known at the end. But once something goes beyond, it and all that
    comes after it have to go, whatever is still to come before it.
    """
    kept: list[tuple[int, str, int]] = []  # a heap, the greatest hash on top
    size, end = 0, 1 << 256  # more than any hash
    for name, of_this in sizes:
        hashed = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
        if hashed >= end:
            continue
        heapq.heappush(kept, (-hashed, name, of_this))
        size += of_this
        while size > most_bytes and len(kept) > 1:
            last, _, of_last = heapq.heappop(kept)
            end, size = -last, size - of_last
    return {name for _, name, _ in kept}


def _document_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for batch in read_batches(folder, ID_AND_TEXT):
        yield from zip(
            batch["id"].to_pylist(), pc.binary_length(batch["text"]).to_pylist(), strict=True
        )


def _dialogue_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for dialogue in read_dialogues(folder):
        yield dialogue.id, sum(len(each["content"].encode()) for each in dialogue.messages)
