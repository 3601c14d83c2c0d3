"""Tables in, in the order of the ids, numbered Parquet shards out, a row group at a time.

The bytes are those of ``write_table`` on all rows at once, unless the texts are long: then a row
group and a shard end after so many bytes, as those of ``SortedShards`` do.
"""

from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.documents import ROW_GROUP_ROWS
from tasks.sorted_shards import GROUP_SIZE, SHARD_SIZE


class TableShards:
    """Writes ``part-00000.parquet`` and so on; one without rows, if there are none.

    Args:
        folder: made if it is not there.
        schema: the columns.
        shard_rows: the most rows of one file.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, shard_rows: int) -> None:
        self._folder, self._schema, self._shard_rows = folder, schema, shard_rows
        folder.mkdir(parents=True, exist_ok=True)
        self._held: list[pa.Table] = []
        self._held_rows = self._held_size = 0
        self._writer: pq.ParquetWriter | None = None
        self._files = self._rows = self._size = 0

    def __enter__(self) -> "TableShards":
        return self

    def add(self, table: pa.Table) -> None:
        """More rows, whose ids follow those before."""
        while table.num_rows:
            room = min(ROW_GROUP_ROWS, self._shard_rows - self._rows) - self._held_rows
            part, table = table.slice(0, room), table.slice(room)
            self._held.append(part)
            self._held_rows += part.num_rows
            self._held_size += part.nbytes
            if part.num_rows == room or self._held_size >= GROUP_SIZE:
                self._write_group()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and (self._held_rows or not self._files):
            self._write_group()
        if self._writer is not None:
            self._writer.close()

    def _write_group(self) -> None:
        if self._writer is None:
            path = self._folder / f"part-{self._files:05d}.parquet"
            self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
            self._files += 1
        table = pa.concat_tables(self._held) if self._held else self._schema.empty_table()
        self._writer.write_table(table.combine_chunks())
        self._rows += self._held_rows
        self._size += self._held_size
        self._held, self._held_rows, self._held_size = [], 0, 0
        if self._rows == self._shard_rows or self._size >= SHARD_SIZE:
            self._writer.close()
            self._writer = None
            self._rows = self._size = 0
