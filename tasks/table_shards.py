"""Tables in, in the order of the ids, numbered Parquet shards out, a row group at a time.

A shard ends where a document's id says so (content_borders.py), so that documents that come or go
change the shards that they are in and hardly others: of another version of a large corpus, DVC
keeps and sends only these.
"""

from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.content_borders import may_end
from tasks.row_tables import sizes

SHARD_SIZE = 32_000_000
"""Of a shard, on average, in characters and as ``row_tables.sizes`` counts rows."""

LEAST_SIZE = SHARD_SIZE // 4
MOST_SIZE = SHARD_SIZE * 4
"""Between these a shard ends, unless it has all the rows that it may have, or is the last."""

GROUP_ROWS = 10_000
GROUP_SIZE = 16_000_000
"""A row group, which is what is written at a time, ends after so many rows or so much."""


class TableShards:
    """Writes ``part-00000.parquet`` and so on; one without rows, if there are none.

    Args:
        folder: made if it is not there.
        schema: the columns; one of them is ``id``.
        shard_rows: the most rows of one file; the more files end for that, the more of them another
            version changes.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, shard_rows: int) -> None:
        self._folder, self._schema, self._shard_rows = folder, schema, shard_rows
        folder.mkdir(parents=True, exist_ok=True)
        self._held: list[pa.Table] = []
        self._held_rows = self._held_size = 0
        self._writer: pq.ParquetWriter | None = None
        self._files = 0
        # Of the shard at hand, what is held included.
        self._rows = self._size = 0

    def __enter__(self) -> "TableShards":
        return self

    def add(self, table: pa.Table) -> None:
        """More rows, whose ids follow those before."""
        each = sizes(table)
        upto = np.cumsum(each)
        # What a shard has at the least comes on top of how far the next end is away.
        chosen = may_end(table["id"].to_pylist(), each, SHARD_SIZE - LEAST_SIZE)
        ends = np.append(np.flatnonzero(chosen), table.num_rows)
        start = before = 0
        while start < table.num_rows:
            group_end = start + GROUP_ROWS - self._held_rows
            group_end = min(group_end, _row(upto, before + GROUP_SIZE - self._held_size) + 1)
            shard_end = start + self._shard_rows - self._rows
            shard_end = min(shard_end, _row(upto, before + MOST_SIZE - self._size) + 1)
            least = max(start, _row(upto, before + LEAST_SIZE - self._size))
            shard_end = min(shard_end, int(ends[np.searchsorted(ends, least)]) + 1)
            end = min(table.num_rows, group_end, shard_end)
            self._hold(table.slice(start, end - start), int(upto[end - 1]) - before)
            if end in (group_end, shard_end):
                self._write_group()
            if end == shard_end:
                self._close()
            start, before = end, int(upto[end - 1])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and (self._held_rows or not self._files):
            self._write_group()
        self._close()

    def _hold(self, part: pa.Table, size: int) -> None:
        self._held.append(part)
        self._held_rows += part.num_rows
        self._held_size += size
        self._rows += part.num_rows
        self._size += size

    def _write_group(self) -> None:
        if self._writer is None:
            path = self._folder / f"part-{self._files:05d}.parquet"
            self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
            self._files += 1
        nothing = pa.Table.from_batches([], self._schema)  # not empty_table(): it imports pandas
        table = pa.concat_tables(self._held or [nothing])
        self._writer.write_table(table.combine_chunks())
        self._held, self._held_rows, self._held_size = [], 0, 0

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._rows = self._size = 0


def _row(upto: np.ndarray, size: int) -> int:
    """The first row with which there is so much."""
    return int(np.searchsorted(upto, size))
