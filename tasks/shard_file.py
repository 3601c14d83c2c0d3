"""One shard: a Parquet file that is written a row group at a time.

Its bytes depend on its rows alone, not on how many of them come at a time.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.row_tables import sizes

GROUP_ROWS = 10_000
GROUP_SIZE = 16_000_000
"""A row group, which is what is written at a time, ends after so many rows or so much."""


class ShardFile:
    """Writes a shard; without rows it has a row group without any."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._held: list[pa.Table] = []
        self._rows = self._size = self._groups = 0  # the former two of what is held

    def add(self, table: pa.Table) -> None:
        """More rows."""
        upto = np.cumsum(sizes(table))
        start = before = 0
        while start < table.num_rows:
            full = start + GROUP_ROWS - self._rows
            large = int(np.searchsorted(upto, before + GROUP_SIZE - self._size)) + 1
            end = min(full, large, table.num_rows)
            self._held.append(table.slice(start, end - start))
            self._rows += end - start
            self._size += int(upto[end - 1]) - before
            if end in (full, large):
                self._write_group()
            start, before = end, int(upto[end - 1])

    def finish(self) -> None:
        """Write what is left, and end the file."""
        if self._rows or not self._groups:
            self._write_group()
        self._writer.close()

    def discard(self) -> None:
        """End the file as it is."""
        self._writer.close()

    def _write_group(self) -> None:
        nothing = pa.Table.from_batches([], self._schema)  # not empty_table(): it imports pandas
        table = pa.concat_tables(self._held or [nothing])
        self._writer.write_table(table.combine_chunks())
        self._groups += 1
        self._held, self._rows, self._size = [], 0, 0
