"""Where shards end, by their rows' ids and sizes alone.

A shard ends where a document's id says so (content_borders.py), so that documents that come or go
change the shards that they are in and hardly others: of another version of a large corpus, DVC
keeps and sends only these.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from tasks.content_borders import may_end

SHARD_SIZE = 32_000_000
"""Of a shard, on average, in characters and as ``row_tables.sizes`` counts rows."""

LEAST_SIZE = SHARD_SIZE // 4
MOST_SIZE = SHARD_SIZE * 4
"""Between these a shard ends, unless it has all the rows that it may have, or is the last."""


class ShardBorders:
    """Says where shards end, as their rows come by.

    Args:
        shard_rows: the most rows of one shard; the more shards end for that, the more of them
            another version changes.
    """

    def __init__(self, shard_rows: int) -> None:
        self._shard_rows = shard_rows
        self._rows = self._size = 0  # of the shard at hand

    def ends(self, ids: Sequence[str], sizes: np.ndarray) -> Iterator[int]:
        """After how many of the next rows shards end: ascending numbers, none of them 0.

        Args:
            ids: of these rows, in order.
            sizes: of the same (int64).
        """
        upto = np.cumsum(sizes)
        # What a shard has at the least comes on top of how far the next end is away.
        chosen = may_end(ids, sizes, SHARD_SIZE - LEAST_SIZE)
        ends = np.append(np.flatnonzero(chosen), len(ids))
        start = before = 0
        while start < len(ids):
            end = start + self._shard_rows - self._rows
            end = min(end, _row(upto, before + MOST_SIZE - self._size) + 1)
            least = max(start, _row(upto, before + LEAST_SIZE - self._size))
            end = min(end, int(ends[np.searchsorted(ends, least)]) + 1)
            if end > len(ids):
                self._rows += len(ids) - start
                self._size += int(upto[-1]) - before
                return
            yield end
            self._rows = self._size = 0
            start, before = end, int(upto[end - 1])


def _row(upto: np.ndarray, size: int) -> int:
    """The first row with which there is so much."""
    return int(np.searchsorted(upto, size))
