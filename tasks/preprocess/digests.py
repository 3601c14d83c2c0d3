"""Columns of digests as numpy's arrays of bytes, so that they can be sorted and compared."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.preprocess.cleaning import DIGEST_BYTES

Digests = NDArray[np.bytes_]


def digests_in(column: pa.ChunkedArray | pa.Array) -> Digests:
    """The digests of a column without nulls, each of ``DIGEST_BYTES``."""
    chunk = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not len(chunk):
        return np.zeros(0, f"S{DIGEST_BYTES}")
    content = chunk.buffers()[1]
    return np.frombuffer(content, f"S{DIGEST_BYTES}", len(chunk), chunk.offset * DIGEST_BYTES)
