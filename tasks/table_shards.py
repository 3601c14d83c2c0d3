"""Tables in, in the order of the ids, numbered Parquet shards out (shard_borders.py)."""

from pathlib import Path
from types import TracebackType

import pyarrow as pa

from tasks.row_tables import sizes
from tasks.shard_borders import ShardBorders
from tasks.shard_file import ShardFile


def shard_path(folder: Path, number: int) -> Path:
    """Where a folder's shard stands."""
    return folder / f"part-{number:05d}.parquet"


class TableShards:
    """Writes ``part-00000.parquet`` and so on; one without rows, if there are none.

    Args:
        folder: made if it is not there.
        schema: the columns; one of them is ``id``.
        shard_rows: the most rows of one file.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, shard_rows: int) -> None:
        self._folder, self._schema = folder, schema
        folder.mkdir(parents=True, exist_ok=True)
        self._borders = ShardBorders(shard_rows)
        self._files = 0
        self._file: ShardFile | None = None

    def __enter__(self) -> "TableShards":
        return self

    def add(self, table: pa.Table) -> None:
        """More rows, whose ids follow those before."""
        start = 0
        for end in self._borders.ends(table["id"].to_pylist(), sizes(table)):
            self._write(table.slice(start, end - start))
            self._finish()
            start = end
        if start < table.num_rows:
            self._write(table.slice(start))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            if self._file is not None:
                self._file.discard()
            return
        if not self._files:
            self._write(pa.Table.from_batches([], self._schema))
        self._finish()

    def _write(self, part: pa.Table) -> None:
        if self._file is None:
            self._file = ShardFile(shard_path(self._folder, self._files), self._schema)
            self._files += 1
        self._file.add(part)

    def _finish(self) -> None:
        if self._file is not None:
            self._file.finish()
        self._file = None
