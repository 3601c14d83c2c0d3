"""Parquet: how many rows are read at once, so that they fit in memory however large they are.

Notable choice: a value that many rows share is stored once, so any row may be as large as all of
its row group; what a group takes unpacked bounds its rows.
"""

from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_BYTES = 256 * 2**20
"""So much the rows that are read at once may take, if each is as large as can be."""

HELD_BYTES = 16 * 2**20
"""No more is put together for who works on it, but for what is larger by itself."""


def stored_bytes(file: pq.ParquetFile, group: int, columns: Collection[str]) -> int:
    """What some columns of a row group take unpacked, a value that rows share but once."""
    of_group = file.metadata.row_group(group)
    return sum(
        column.total_uncompressed_size
        for column in map(of_group.column, range(of_group.num_columns))
        if column.path_in_schema in columns or column.path_in_schema.split(".")[0] in columns
    )


def fitting_rows(stored: int, most: int) -> int:
    """How many rows, up to ``most``, of a row group of ``stored`` bytes fit whatever they are.

    >>> fitting_rows(1_000, 2_000), fitting_rows(2**27, 2_000), fitting_rows(2**30, 2_000)
    (2000, 2, 1)
    """
    return max(1, min(most, BATCH_BYTES // max(1, stored)))


def bounded_tables(
    file: pq.ParquetFile, columns: Collection[str], most: int, groups: Iterable[int] | None = None
) -> Iterator[pa.Table]:
    """The rows in order, never none: up to ``most`` at once, fewer where they are large.

    Args:
        file: the open file.
        columns: what is read of it.
        most: so many rows at once.
        groups: of these row groups; None: of all.
    """
    for group in range(file.num_row_groups) if groups is None else groups:
        fitting = fitting_rows(stored_bytes(file, group, columns), most)
        held: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in file.iter_batches(fitting, row_groups=[group], columns=list(columns)):
            # Small ones are put together: who works on tables has to do with fewer.
            if held and (rows + len(batch) > most or size + batch.nbytes > HELD_BYTES):
                yield pa.Table.from_batches(held).combine_chunks()
                held, rows, size = [], 0, 0
            held.append(batch)
            rows, size = rows + len(batch), size + batch.nbytes
        if rows:
            yield pa.Table.from_batches(held).combine_chunks()
