"""Rows as hashes, so that a shard is known by them without a look at its texts."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HASH_BYTES = 16


def row_hashes(table: pa.Table, more: Sequence[bytes]) -> list[bytes]:
    """A hash of each row, of ``HASH_BYTES``: the same only where all values are the same.

    Args:
        table: columns of texts and of times.
        more: what else each row has, as many bytes of each.
    """
    count = table.num_rows
    numbers = np.empty((count, table.num_columns), "<i8")
    texts: list[tuple[list[int], memoryview]] = []
    for place, column in enumerate(table.combine_chunks().columns):
        for values in column.chunks:  # one, or none where there are no rows
            nothing = np.iinfo(np.int64).min  # a time that is none of ours
            if pa.types.is_string(values.type):
                nothing = -1
                texts.append(borders_and_bytes(values))
                numbers[:, place] = np.diff(texts[-1][0])
            else:
                stored = np.frombuffer(values.buffers()[1], np.int64)
                numbers[:, place] = stored[values.offset :][:count]
            numbers[~_is_there(values), place] = nothing
    heads, width = memoryview(numbers.tobytes()), 8 * table.num_columns
    hashes = []
    for row, rest in enumerate(more):
        digest = blake2b(heads[row * width : (row + 1) * width], digest_size=HASH_BYTES)
        digest.update(rest)
        for borders, content in texts:
            digest.update(content[borders[row] : borders[row + 1]])
        hashes.append(digest.digest())
    return hashes


def borders_and_bytes(texts: pa.Array) -> tuple[list[int], memoryview]:
    """Where each text begins, and where the last ends, in the bytes of all (UTF-8)."""
    _, offsets, content = texts.buffers()
    borders = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    return borders.tolist(), memoryview(content or b"")


def _is_there(values: pa.Array) -> NDArray[np.bool_]:
    bits = values.buffers()[0]
    if bits is None:
        return np.ones(len(values), bool)
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    return unpacked[values.offset :][: len(values)].astype(bool)
