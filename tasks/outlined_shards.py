"""Documents in any order in, shards sorted by id out, as ``SortedShards`` writes them, of which
those that stay the same are linked to the last run's.

Of documents that are kept on disk, only what decides their shards is looked at first; they
themselves are read where their shard is to be written.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.documents import DOCUMENT_SCHEMA
from tasks.kept_shards import KeptShards
from tasks.outlines import OUTLINE_SCHEMA, outlines
from tasks.planned_shards import PlannedShards, ShardPlan
from tasks.row_tables import Row, array_as_numbers, mask_as_array, size, table_of
from tasks.sorted_shards import ASIDE, SortedTables

ROWS_AT_ONCE = 10_000

HELD_SIZE = 4_000_000
"""Rows that come one by one are put together until they are so much, as ``row_tables.size``."""


class OutlinedDocuments(NamedTuple):
    """Documents that are kept on disk.

    Attributes:
        outlines: theirs (outlines.py).
        read: gives those that a mask selects (bool, one a document), some at a time; None: they
            have come already.
    """

    outlines: pa.Table
    read: Callable[[NDArray[np.bool_]], Iterator[pa.Table]] | None


class OutlinedShards:
    """Writes the shards into a folder, when it is left without an error.

    Args:
        folder: made if it is not there.
        shard_rows: the most rows of one file.
        kept: the last run's.
    """

    def __init__(self, folder: Path, *, shard_rows: int, kept: KeptShards) -> None:
        self._folder, self._shard_rows, self._kept = folder, shard_rows, kept
        self._sorted = SortedTables(DOCUMENT_SCHEMA, folder / ASIDE)
        self._rows: list[Row] = []
        self._rows_size = 0
        self._parts: list[OutlinedDocuments] = []

    def __enter__(self) -> "OutlinedShards":
        return self

    def add(self, row: Row) -> None:
        """One more document, as a row."""
        self._rows.append(row)
        self._rows_size += size(row)
        if self._rows_size >= HELD_SIZE:
            self._add_rows()

    def add_outlined(self, documents: OutlinedDocuments) -> None:
        """More documents."""
        self._parts.append(documents)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                if self._rows:
                    self._add_rows()
                self._write()
        finally:
            self._sorted.close()

    def _add_rows(self) -> None:
        table = table_of(self._rows, DOCUMENT_SCHEMA)
        self._parts.append(OutlinedDocuments(outlines(table), None))
        self._sorted.add_table(table)
        self._rows, self._rows_size = [], 0

    def _write(self) -> None:
        nothing = pa.Table.from_batches([], OUTLINE_SCHEMA)
        found = [nothing, *(part.outlines for part in self._parts)]
        all_outlines = pa.concat_tables(found).combine_chunks()
        order = pc.sort_indices(all_outlines["id"])
        plan = ShardPlan(DOCUMENT_SCHEMA, shard_rows=self._shard_rows)
        for start in range(0, len(order), ROWS_AT_ONCE):
            some = all_outlines.take(order.slice(start, ROWS_AT_ONCE))
            sizes = array_as_numbers(some["size"])
            plan.add(some["id"].to_pylist(), sizes, some["row"].to_pylist())
        with PlannedShards(self._folder, plan, self._kept) as shards:
            places = array_as_numbers(order)
            is_lacking = np.empty(len(order), bool)
            is_lacking[places] = shards.lacking
            is_sorted = self._sort(is_lacking)
            wanted = shards.lacking[is_sorted[places]]
            done = 0
            for table in self._sorted.tables():
                mask = mask_as_array(wanted[done : done + table.num_rows])
                shards.add(table.filter(mask))
                done += table.num_rows

    def _sort(self, is_lacking: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Have those that are lacking sorted; returns which are, with those that came as rows."""
        is_sorted = is_lacking.copy()
        start = 0
        for part in self._parts:
            these = slice(start, start + part.outlines.num_rows)
            if part.read is None:
                is_sorted[these] = True
            elif is_lacking[these].any():
                for table in part.read(is_lacking[these]):
                    self._sorted.add_table(table)
            start = these.stop
        return is_sorted
