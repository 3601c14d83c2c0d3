"""Parquet: its rows, so many at once that they fit in memory, however much they unpack into.

Notable choice: Parquet is a compressed file, too. A value that many rows share is stored once, so
that a few kilobytes may become gigabytes: what its rows take counts against
``ingest.folder.max_expansion``, as what comes out of an archive does.

Not covered: a file whose own figures (how much a column takes unpacked) are made up.
"""

import errno
from collections.abc import Collection, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chatwright.errors import BadInput
from tasks.ingest.open_file import OpenFile, Packed
from tasks.ingest.records import (
    DETAIL_FIELDS,
    MESSAGES_FIELD,
    TEXT_FIELDS,
    Broken,
    Record,
    are_texts,
    record_from_mapping,
)
from tasks.ingest.tables import FIRST_ROWS, NoColumnOfTexts
from tasks.ingest.text_encoding import Undecodable
from tasks.ingest.times_as_text import times_as_text
from tasks.parquet_batches import fitting_rows, stored_bytes

BATCH_ROWS = 1_000
AS_A_DATA_SET = "name its folder in ingest.huggingface, with the column as its text"


def read_parquet(file: OpenFile) -> Iterator[Record]:
    """A table with a column named like a text, or with messages.

    Raises:
        BadInput: the file is not Parquet, or corrupt.
        NoColumnOfTexts: it has no such column.
        Undecodable: it is broken where an archive that it stands in is cut.
    """
    try:
        table = pq.ParquetFile(file.seekable())
        wanted = (*TEXT_FIELDS, *DETAIL_FIELDS, "category", MESSAGES_FIELD)
        columns = [name for name in table.schema_arrow.names if name in wanted]
        if not {*TEXT_FIELDS, MESSAGES_FIELD} & set(columns):
            raise NoColumnOfTexts(table.schema_arrow.names, _has_texts(table), AS_A_DATA_SET)
        number = 0
        for batch in batches(table, columns, file.packed):
            for row in _rows_of(batch, file.longest):
                number += 1
                if row is None:
                    yield Broken(number, file.too_long)
                elif isinstance(row, UnicodeDecodeError):
                    yield Broken(number, "is not in UTF-8")
                else:
                    yield record_from_mapping(row, number)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise  # no fault of the file's: what is unpacked stands on disk for the time
        if file.is_cut():
            raise Undecodable("is a broken Parquet file") from None
        reason = " ".join(str(error).split()).rstrip(".")
        raise BadInput(
            file.where, f"is a broken Parquet file ({reason})", "Mend it, or take it out"
        ) from None


def _has_texts(table: pq.ParquetFile) -> bool:
    """Whether there are texts in the first rows."""
    texts = [field.name for field in table.schema_arrow if _is_of_texts(field.type)]
    rows = next(table.iter_batches(FIRST_ROWS, columns=texts), None) if texts else None
    return rows is not None and any(are_texts(column.to_pylist()) for column in rows.columns)


def _is_of_texts(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_of_texts(kind.value_type)
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_one(kind) for is_one in kinds)


def batches(
    table: pq.ParquetFile, columns: Collection[str], packed: Packed
) -> Iterator[pa.RecordBatch]:
    """The rows, up to where they are more than the file may unpack into; ``packed.trouble`` then
    says so.

    Args:
        table: the open file.
        columns: what is read of it.
        packed: gets counted what the rows take.
    """
    for group in range(table.metadata.num_row_groups):
        stored = stored_bytes(table, group, columns)
        if stored > packed.left_bytes:
            packed.left_bytes = -1
            return
        rows = fitting_rows(stored, BATCH_ROWS)
        for batch in table.iter_batches(
            rows, row_groups=[group], columns=list(columns), use_threads=False
        ):
            batch = _with_all_values(batch)
            packed.left_bytes -= batch.nbytes
            if packed.left_bytes < 0:
                return
            yield batch


def _with_all_values(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows without dictionaries, of whose size each row would have all."""
    for place, column in enumerate(batch.columns):
        if pa.types.is_dictionary(column.type):
            batch = batch.set_column(place, batch.schema.names[place], column.dictionary_decode())
    return batch


def _rows_of(
    batch: pa.RecordBatch, longest: int
) -> Iterator[dict[str, Any] | UnicodeDecodeError | None]:
    """The rows one by one; None for one that is too long, an error for one that is not UTF-8."""
    batch = times_as_text(batch)
    if batch.nbytes <= longest:
        try:
            yield from batch.to_pylist()
            return
        except UnicodeDecodeError:
            pass  # then row by row, to see which
    for number in range(batch.num_rows):
        row = batch.slice(number, 1)
        try:
            yield None if row.nbytes > longest else row.to_pylist()[0]
        except UnicodeDecodeError as error:
            yield error
