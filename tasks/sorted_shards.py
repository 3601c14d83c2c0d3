"""Rows in any order in, Parquet shards sorted by id out, in bounded memory.

What does not fit is written aside as sorted runs, which are merged at the end (Knuth, The Art of
Computer Programming 3, 5.4: external sorting). The shards' bytes depend on the rows alone, not on
their order or on how many runs there were.
"""

import heapq
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]

RUN_SIZE = 64_000_000
"""So much is held, in characters, before it is written aside."""

SHARD_SIZE = 256_000_000
"""A shard ends after so much, even if it has few rows."""

GROUP_ROWS = 10_000
GROUP_SIZE = 16_000_000
"""A row group, which is what is written at a time, ends after so many rows or so much."""

PIECE_SIZE = 2_000_000
"""So much of each run is in memory while runs are merged."""

MERGED_AT_ONCE = 16
ROW_ITSELF = 500  # what a row costs beside its text


class SortedShards:
    """Writes ``part-00000.parquet`` and so on into a folder, when it is left without an error.

    No rows make one file without rows, so that a folder always tells its columns.

    Args:
        folder: made if it is not there.
        schema: the columns; one of them is ``id``, a string that no two rows share.
        shard_rows: the most rows of one file.
        run_size: as ``RUN_SIZE``.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, *, shard_rows: int, run_size: int = RUN_SIZE
    ) -> None:
        self._folder, self._schema = folder, schema
        self._shard_rows, self._run_size = shard_rows, run_size
        self._rows: list[Row] = []
        self._size = 0
        self._runs: list[Path] = []
        self._made = 0

    def __enter__(self) -> "SortedShards":
        return self

    def add(self, row: Row) -> None:
        """One more row, with all columns of the schema."""
        self._rows.append(row)
        self._size += size(row)
        if self._size >= self._run_size:
            self._put_aside(self._take())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._write()
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def _aside(self) -> Path:
        return self._folder / ".runs"

    def _take(self) -> list[Row]:
        rows = sorted(self._rows, key=_id)
        self._rows, self._size = [], 0
        return rows

    def _put_aside(self, rows: Iterable[Row]) -> None:
        self._aside.mkdir(parents=True, exist_ok=True)
        path = self._aside / f"{self._made:06d}.parquet"
        self._made += 1
        with pq.ParquetWriter(path, self._schema, compression="lz4") as writer:
            for group in groups(rows, GROUP_ROWS, PIECE_SIZE):
                writer.write_table(pa.Table.from_pylist(group, schema=self._schema))
        self._runs.append(path)

    def _write(self) -> None:
        rows: Iterable[Row] = self._take()
        if self._runs:
            self._put_aside(rows)
            while len(self._runs) > MERGED_AT_ONCE:
                some, self._runs = self._runs[:MERGED_AT_ONCE], self._runs[MERGED_AT_ONCE:]
                self._put_aside(merged(some))
                for path in some:
                    path.unlink()
            rows = merged(self._runs)
        write_shards(rows, self._folder, self._schema, shard_rows=self._shard_rows)


def write_shards(
    rows: Iterable[Row], folder: Path, schema: pa.Schema, *, shard_rows: int
) -> list[Path]:
    """Write rows, in their order, as numbered Parquet files; returns these."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    writer, left, room = None, 0, 0
    for group in groups(rows, min(GROUP_ROWS, shard_rows), GROUP_SIZE):
        if writer is not None and (len(group) > left or room <= 0):
            writer.close()
            writer = None
        if writer is None:
            paths.append(folder / f"part-{len(paths):05d}.parquet")
            writer = pq.ParquetWriter(paths[-1], schema, compression="zstd")
            left, room = shard_rows, SHARD_SIZE
        writer.write_table(pa.Table.from_pylist(group, schema=schema))
        left -= len(group)
        room -= sum(map(size, group))
    if writer is not None:
        writer.close()
    return paths


def merged(runs: Iterable[Path]) -> Iterator[Row]:
    """The rows of sorted files, sorted."""
    return heapq.merge(*map(_rows_of, runs), key=_id)


def groups(rows: Iterable[Row], most_rows: int, most_size: int) -> Iterator[list[Row]]:
    """Rows in lists that are not too long; at least one list, which may be empty."""
    group: list[Row] = []
    held, given = 0, False
    for row in rows:
        group.append(row)
        held += size(row)
        if len(group) == most_rows or held >= most_size:
            yield group
            group, held, given = [], 0, True
    if group or not given:
        yield group


def size(row: Row) -> int:
    """Roughly what a row takes in memory, in characters."""
    return ROW_ITSELF + sum(map(_size_of, row.values()))


def _size_of(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(json.dumps(value, default=str)) if isinstance(value, list) else 0


def _id(row: Row) -> str:
    return row["id"]


def _rows_of(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield from file.read_row_group(number).to_pylist()
