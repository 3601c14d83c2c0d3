"""Every document of a version as a few numbers, so that millions of them compare in memory.

A document takes 28 bytes. Ids and texts are hashed to 64 bits: among ten million of them, two are
taken for one with a chance of three in a million.
"""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.corpus_folder import Folder
from tasks.corpus_page.page import SPLITS


@dataclass(frozen=True)
class Fingerprints:
    """Of a corpus of N documents, in the order of its splits and files.

    Attributes:
        ids, texts: hashes, uint64 (N,).
        sizes: bytes of text, int64 (N,).
        groups: which of ``names`` each belongs to, int32 (N,).
        names: split, source and language.
        split_sizes: documents of each split, in the order of ``SPLITS``.
    """

    ids: np.ndarray
    texts: np.ndarray
    sizes: np.ndarray
    groups: np.ndarray
    names: list[tuple[str, str, str]]
    split_sizes: list[int]

    def splits(self) -> np.ndarray:
        """The number of each document's split, int64 (N,)."""
        return np.repeat(np.arange(len(SPLITS)), self.split_sizes)


def hashes(texts: pa.ChunkedArray) -> np.ndarray:
    """64 bits of each text, uint64 (N,)."""
    each = pc.cast(texts, pa.binary()).to_pylist()
    return np.frombuffer(
        b"".join(blake2b(text, digest_size=8).digest() for text in each), dtype=np.uint64
    )


def fingerprints(clean: Folder) -> Fingerprints:
    """Read a corpus; errors as ``Folder.batches``."""
    names: dict[tuple[str, str, str], int] = {}
    columns: dict[str, list[np.ndarray]] = {"ids": [], "texts": [], "sizes": [], "groups": []}
    split_sizes = []
    for split in SPLITS:
        size = 0
        for table in clean.below(split).batches(["id", "source", "lang", "text"]):
            columns["ids"].append(hashes(table["id"]))
            columns["texts"].append(hashes(table["text"]))
            columns["sizes"].append(pc.cast(pc.binary_length(table["text"]), pa.int64()).to_numpy())
            columns["groups"].append(_groups(table, split, names))
            size += len(table)
        split_sizes.append(size)
    kinds = {"ids": np.uint64, "texts": np.uint64, "sizes": np.int64, "groups": np.int32}
    whole = {
        name: np.concatenate([np.empty(0, kinds[name]), *parts]) for name, parts in columns.items()
    }
    return Fingerprints(**whole, names=list(names), split_sizes=split_sizes)


def _groups(table: pa.Table, split: str, names: dict[tuple[str, str, str], int]) -> np.ndarray:
    """The group of each row; new ones are added to ``names``."""
    joined = pc.binary_join_element_wise(table["source"], table["lang"], "\0")
    encoded = joined.combine_chunks().dictionary_encode()
    pairs = [tuple(each.split("\0")) for each in encoded.dictionary.to_pylist()]
    codes = [names.setdefault((split, *pair), len(names)) for pair in pairs]
    return np.array(codes, dtype=np.int32)[encoded.indices.to_numpy()]
