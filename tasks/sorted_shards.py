"""Rows in any order in, Parquet shards sorted by id out, in bounded memory.

What does not fit is written aside as sorted runs, which are merged at the end (Knuth, The Art of
Computer Programming 3, 5.4: external sorting). The shards' bytes depend on the rows alone, not on
their order or on how many runs there were.
"""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.row_tables import Row, size, sizes, table_of
from tasks.table_shards import TableShards

RUN_SIZE = 64_000_000
"""So much is held, in characters, before it is written aside."""

PIECE_SIZE = 2_000_000
"""So much of each run is in memory while runs are merged."""

MERGED_AT_ONCE = 16

ASIDE = ".runs"
"""The folder for them, below the shards'."""


class SortedTables:
    """Takes rows, and gives them sorted.

    Args:
        schema: the columns; one of them is ``id``, a string that no two rows share.
        aside: a folder for what does not fit into memory; there only as long as it is needed.
        run_size: as ``RUN_SIZE``.
    """

    def __init__(self, schema: pa.Schema, aside: Path, *, run_size: int = RUN_SIZE) -> None:
        self._schema, self._aside, self._run_size = schema, aside, run_size
        self._rows: list[Row] = []
        self._tables: list[pa.Table] = []
        self._size = 0
        self._runs: list[Path] = []
        self._made = 0

    def add(self, row: Row) -> None:
        """One more row, with all columns of the schema."""
        self._rows.append(row)
        self._grown_by(size(row))

    def add_table(self, table: pa.Table) -> None:
        """More rows, which take less time so."""
        self._tables.append(table.cast(self._schema))
        self._grown_by(int(sizes(table).sum()))

    def tables(self) -> Iterator[pa.Table]:
        """All rows, sorted, as tables of some of them; to be called once, at the end."""
        last = self._take()
        if not self._runs:
            yield last
            return
        self._put_aside([last])
        while len(self._runs) > MERGED_AT_ONCE:
            some, self._runs = self._runs[:MERGED_AT_ONCE], self._runs[MERGED_AT_ONCE:]
            self._put_aside(merged(some))
            for path in some:
                path.unlink()
        yield from merged(self._runs)

    def close(self) -> None:
        """Remove what is aside."""
        shutil.rmtree(self._aside, ignore_errors=True)

    def _grown_by(self, size: int) -> None:
        self._size += size
        if self._size >= self._run_size:
            self._put_aside([self._take()])

    def _take(self) -> pa.Table:
        tables = self._tables
        if self._rows:
            tables.append(table_of(self._rows, self._schema))
        self._rows, self._tables, self._size = [], [], 0
        return sorted_by_id(tables) if tables else pa.Table.from_batches([], self._schema)

    def _put_aside(self, tables: Iterable[pa.Table]) -> None:
        self._aside.mkdir(parents=True, exist_ok=True)
        path = self._aside / f"{self._made:06d}.parquet"
        self._made += 1
        with pq.ParquetWriter(path, self._schema, compression="lz4") as writer:
            for piece in pieces(tables):
                writer.write_table(piece)
        self._runs.append(path)


class SortedShards:
    """Writes ``part-00000.parquet`` and so on into a folder, when it is left without an error.

    No rows make one file without rows, so that a folder always tells its columns.

    Args:
        folder: made if it is not there.
        schema: as ``SortedTables``.
        shard_rows: the most rows of one file.
        run_size: as ``RUN_SIZE``.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, *, shard_rows: int, run_size: int = RUN_SIZE
    ) -> None:
        self._folder, self._schema, self._shard_rows = folder, schema, shard_rows
        self._sorted = SortedTables(schema, folder / ASIDE, run_size=run_size)
        self.add, self.add_table = self._sorted.add, self._sorted.add_table

    def __enter__(self) -> "SortedShards":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                with TableShards(self._folder, self._schema, shard_rows=self._shard_rows) as shards:
                    for table in self._sorted.tables():
                        shards.add(table)
        finally:
            self._sorted.close()


def merged(runs: Iterable[Path]) -> Iterator[pa.Table]:
    """The rows of sorted files, sorted, as tables of some of them."""
    waiting = [(head, rest) for rest in map(_groups_of, runs) for head in _next(rest)]
    while waiting:
        # Of each run what no run can have anything before.
        bound = min(head["id"][-1].as_py() for head, _ in waiting)
        parts, still = [], []
        for head, rest in waiting:
            count = pc.sum(pc.less_equal(head["id"], bound)).as_py()
            parts.append(head.slice(0, count))
            left = head.slice(count)
            still += [(each, rest) for each in ([left] if left.num_rows else _next(rest))]
        waiting = still
        yield sorted_by_id(parts)


def sorted_by_id(tables: list[pa.Table]) -> pa.Table:
    """The rows of some tables as one, sorted: by code points, as Python has it."""
    table = pa.concat_tables(tables)
    return table.take(pc.sort_indices(table["id"])).combine_chunks()


def pieces(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Rows in tables that are not much longer than ``PIECE_SIZE``."""
    for table in tables:
        ends = np.cumsum(sizes(table))
        start = before = 0
        while start < table.num_rows:
            # With the row that makes it long enough.
            enough = int(np.searchsorted(ends, before + PIECE_SIZE)) + 1
            yield table.slice(start, enough - start)
            start, before = enough, int(ends[min(enough, len(ends)) - 1])


def _groups_of(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)


def _next(tables: Iterator[pa.Table]) -> list[pa.Table]:
    """The next one that has rows, if there is one."""
    return next(([table] for table in tables if table.num_rows), [])
