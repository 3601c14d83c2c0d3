"""Where a run of documents may end so that others keep their ends when documents come or go.

Content-defined chunking: Muthitacharoen et al. 2001, A Low-bandwidth Network File System. A
document's own id and size decide whether something may end after it, the sooner the larger it is.
"""

from collections.abc import Iterable
from zlib import crc32

import numpy as np


def may_end(ids: Iterable[str], sizes: np.ndarray, mean: int) -> np.ndarray:
    """Whether a run may end after each document (bool): one in so many that runs have a mean size.

    Args:
        ids: of the documents.
        sizes: of the same (int64).
        mean: in the same unit, below 2^31.
    """
    draws = np.array([crc32(name.encode()) for name in ids], np.int64)
    return draws * mean < np.minimum(sizes, mean) << 32
