"""A part of a folder, of a bounded size and chosen by hash, for what takes longer with more text.

Notable choices: a folder is read twice, first for sizes and then for what stays, so that no more
than that is ever in memory. Long documents are cut: where they went whole or were left out, what is
measured on the others would say little of the corpus.
"""

import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
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


LEAST_DOCUMENTS = 20
"""At least so many stay, where there are so many."""


def thinned(folder: Path, most_bytes: int) -> list[Document]:
    """The documents of a folder or, where these are more text than a size, a part of it, in order.

    In the order of their hashes documents are taken up to the first that goes beyond, where each
    counts with a twentieth of the size at most. The longest of them are then cut, all at one
    length, with which the size is filled.

    Raises:
        MissingInput, BadInput: as ``read_documents``.
    """
    each = max(1, most_bytes // LEAST_DOCUMENTS)
    chosen = _chosen(_document_sizes(folder), most_bytes, each)
    length = _filling(chosen.values(), most_bytes)
    return [
        replace(document, text=_cut(document.text, length))
        for document in read_documents(folder, chosen.keys())
    ]


def thinned_dialogues(folder: Path, most_bytes: int) -> list[Dialogue]:
    """The dialogues of a folder, or as many of them as stay within a size, in order.

    In the order of their hashes they are taken up to the first that goes beyond. At least one
    stays, whatever its size, which is that of what is said.
    """
    chosen = _chosen(_dialogue_sizes(folder), most_bytes, math.inf)
    return list(read_dialogues(folder, chosen.keys()))


def _chosen(sizes: Iterable[tuple[str, int]], most_bytes: int, each: float) -> dict[str, int]:
    """Of ids and sizes, in any order, those that stay; none counts with more than ``each``.

    The hashes' order is only known at the end. But once something goes beyond, it and all that
    comes after it have to go, whatever is still to come before it.
    """
    kept: list[tuple[int, str, int]] = []  # a heap, the greatest hash on top
    total, end = 0.0, 1 << 256  # more than any hash
    for name, size in sizes:
        hashed = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
        if hashed >= end:
            continue
        heapq.heappush(kept, (-hashed, name, size))
        total += min(size, each)
        while total > most_bytes and len(kept) > 1:
            last, _, of_last = heapq.heappop(kept)
            end, total = -last, total - min(of_last, each)
    return {name: size for _, name, size in kept}


def _filling(sizes: Iterable[int], most_bytes: int) -> int:
    """The greatest length to which texts of these sizes can be cut to be no more in all."""
    ascending, left = sorted(sizes), most_bytes
    for place, size in enumerate(ascending):
        share = left // (len(ascending) - place)
        if size > share:
            return share
        left -= size
    return most_bytes


def _cut(text: str, most_bytes: int) -> str:
    """The first characters of a text that are no more bytes; one at the least."""
    return text.encode()[:most_bytes].decode(errors="ignore") or text[:1]


def _document_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for batch in read_batches(folder, ID_AND_TEXT):
        yield from zip(
            batch["id"].to_pylist(), pc.binary_length(batch["text"]).to_pylist(), strict=True
        )


def _dialogue_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for dialogue in read_dialogues(folder):
        yield dialogue.id, sum(len(each["content"].encode()) for each in dialogue.messages)
