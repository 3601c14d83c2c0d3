"""Rows as hashes, so that a shard is known by them without a look at its texts."""

from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

HASH_BYTES = 16


def row_hashes(table: pa.Table) -> list[bytes]:
    """A hash of each row, of ``HASH_BYTES``: the same only where all values are the same.

    Args:
        table: columns of texts and of times.
    """
    count = table.num_rows
    numbers = np.empty((count, table.num_columns), "<i8")
    texts: list[tuple[list[int], memoryview]] = []
    for place, column in enumerate(table.combine_chunks().columns):
        for values in column.chunks:  # one, or none where there are no rows
            nothing = np.iinfo(np.int64).min  # a time that is none of ours
            if pa.types.is_string(values.type):
                nothing = -1
                ends = np.frombuffer(values.buffers()[1], np.int32)[values.offset :][: count + 1]
                numbers[:, place] = np.diff(ends)
                texts.append((ends.tolist(), memoryview(values.buffers()[2] or b"")))
            else:
                stored = np.frombuffer(values.buffers()[1], np.int64)
                numbers[:, place] = stored[values.offset :][:count]
            numbers[~_is_there(values), place] = nothing
    heads, width = memoryview(numbers.tobytes()), 8 * table.num_columns
    hashes = []
    for row in range(count):
        digest = blake2b(heads[row * width : (row + 1) * width], digest_size=HASH_BYTES)
        for borders, content in texts:
            digest.update(content[borders[row] : borders[row + 1]])
        hashes.append(digest.digest())
    return hashes


def _is_there(values: pa.Array) -> NDArray[np.bool_]:
    bits = values.buffers()[0]
    if bits is None:
        return np.ones(len(values), bool)
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    return unpacked[values.offset :][: len(values)].astype(bool)
