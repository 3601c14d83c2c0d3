"""Shards that are known before they are written, by what their rows are: those of before stay.

First the rows' ids, sizes and hashes go by, which says where shards end and what each holds; then
the rows themselves, of the shards that are not there yet.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.kept_shards import KeptShards
from tasks.program import program
from tasks.shard_borders import ShardBorders
from tasks.shard_file import ShardFile
from tasks.table_shards import shard_path


class PlannedShard(NamedTuple):
    """How many rows it has, and a hash of what its file will be."""

    rows: int
    fingerprint: str


class ShardPlan:
    """The shards of some rows.

    Args:
        schema: the rows' columns.
        shard_rows: the most rows of one shard.
    """

    def __init__(self, schema: pa.Schema, *, shard_rows: int) -> None:
        self.schema = schema
        self._borders = ShardBorders(shard_rows)
        self._written_by = f"{schema}\0{program('tasks.shard_file')}\0".encode()
        self._shards: list[PlannedShard] = []
        self._begin()

    def add(self, ids: Sequence[str], sizes: np.ndarray, hashes: Sequence[bytes]) -> None:
        """More rows, whose ids follow those before: their sizes and the hashes of all else."""
        start = 0
        for end in self._borders.ends(ids, sizes):
            self._grow(hashes[start:end])
            self._end()
            start = end
        self._grow(hashes[start:])

    def finish(self) -> list[PlannedShard]:
        """All shards; one without rows, if there are none."""
        if self._rows or not self._shards:
            self._end()
        return self._shards

    def _begin(self) -> None:
        self._rows = 0
        self._digest = hashlib.blake2b(self._written_by, digest_size=16)

    def _grow(self, hashes: Sequence[bytes]) -> None:
        self._rows += len(hashes)
        self._digest.update(b"".join(hashes))

    def _end(self) -> None:
        self._shards.append(PlannedShard(self._rows, self._digest.hexdigest()))
        self._begin()


class PlannedShards:
    """Writes what ``TableShards`` would write of the same rows.

    Args:
        folder: made if it is not there; the shards that are there are put into it at once.
        plan: of all rows.
        kept: knows which are there.

    Attributes:
        lacking: of each row, in order, whether it is to be written.
    """

    def __init__(self, folder: Path, plan: ShardPlan, kept: KeptShards) -> None:
        self._schema, self._kept = plan.schema, kept
        folder.mkdir(parents=True, exist_ok=True)
        shards = plan.finish()
        paths = [shard_path(folder, number) for number in range(len(shards))]
        is_lacking = [
            not kept.take(shard.fingerprint, path)
            for shard, path in zip(shards, paths, strict=True)
        ]
        self.lacking: NDArray[np.bool_] = np.repeat(is_lacking, [shard.rows for shard in shards])
        to_write = zip(shards, paths, is_lacking, strict=True)
        self._to_write = [(shard, path) for shard, path, lacks in to_write if lacks]
        self._file: ShardFile | None = None
        self._rows = 0  # of the file at hand

    def __enter__(self) -> "PlannedShards":
        return self

    def add(self, table: pa.Table) -> None:
        """More of the rows that are lacking, in order."""
        while table.num_rows:
            if not self._to_write:
                raise ValueError(f"{table.num_rows} rows more than were planned")
            self._rows += (part := table.slice(0, self._left())).num_rows
            self._open().add(part)
            if not self._left():
                self._finish()
            table = table.slice(part.num_rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            if self._file is not None:
                self._file.discard()
        elif self._to_write:
            if self._left():
                raise ValueError(f"{self._left()} rows fewer than were planned")
            self._finish()  # the one without rows

    def _left(self) -> int:
        return self._to_write[0][0].rows - self._rows

    def _open(self) -> ShardFile:
        if self._file is None:
            path = self._to_write[0][1]
            path.unlink(missing_ok=True)  # it may be another name of one that stands elsewhere
            self._file = ShardFile(path, self._schema)
        return self._file

    def _finish(self) -> None:
        self._open().finish()
        shard, path = self._to_write.pop(0)
        self._kept.keep(shard.fingerprint, path)
        self._file, self._rows = None, 0
