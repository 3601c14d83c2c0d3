"""Rows as Arrow tables, by way of Arrow's buffers.

Whatever pyarrow converts, it first imports pandas to see whether the thing is of pandas; that takes
half a second, which is more than a stage needs for a small change of the corpus. So texts, which
are nearly all that our rows hold, are converted here, or a process has pyarrow do without pandas.
"""

import json
import sys
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Row = dict[str, Any]
MOST_BYTES = 2**31 - 1
"""Of the texts of one column together: Arrow's offsets have 32 bits."""

ROW_ITSELF = 500  # what a row costs beside its text


def without_pandas() -> None:
    """Let pyarrow do without pandas in this process, for good; for one that needs it for nothing.

    pyarrow looks for it once, at the first conversion, and goes without where it is not installed.
    """
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)
        try:
            pa.array([0])
        finally:
            sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Says to an import that pandas is not installed."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def table_of(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """What ``pa.Table.from_pylist`` makes of rows that have all columns of the schema.

    >>> table_of([{"id": "a"}, {"id": None}], pa.schema([("id", pa.string())])).to_pylist()
    [{'id': 'a'}, {'id': None}]
    """
    columns = [_column([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def text_lengths(column: pa.ChunkedArray) -> np.ndarray:
    """The characters of each text (int32), 0 where there is none."""
    count = len(column)
    if not count:
        return np.zeros(0, np.int32)
    zeros = pa.py_buffer(np.zeros(count, np.int32))
    nothing = pa.Array.from_buffers(pa.int32(), count, [None, zeros])
    return array_as_numbers(pc.coalesce(pc.utf8_length(column), nothing))


def numbers_as_array(values: np.ndarray) -> pa.Array:
    """Numbers as Arrow's array of the same type."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), buffers)


def array_as_numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The whole numbers of Arrow's array or column, which has no nulls."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    kind = np.dtype(str(array.type))
    if not len(array):
        return np.zeros(0, kind)
    content = array.buffers()[1]
    return np.frombuffer(content, kind, len(array), kind.itemsize * array.offset)


def mask_as_array(mask: NDArray[np.bool_]) -> pa.Array:
    """A mask as Arrow's array, which filters tables."""
    bits = pa.py_buffer(np.packbits(mask, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, bits])


def size(row: Row) -> int:
    """Roughly what a row takes in memory, in characters."""
    return ROW_ITSELF + sum(map(_size_of, row.values()))


def sizes(table: pa.Table) -> np.ndarray:
    """The same of each row of a table (int64)."""
    found = np.full(table.num_rows, ROW_ITSELF, np.int64)
    for column in table.columns:
        if pa.types.is_string(column.type):
            found += text_lengths(column)
        elif pa.types.is_list(column.type):
            found += np.fromiter(map(_size_of, column.to_pylist()), np.int64, table.num_rows)
    return found


def _size_of(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return len(json.dumps(value, default=str)) if isinstance(value, list) else 0


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if values and all(value is None for value in values):
        return pa.nulls(len(values), kind)
    if not pa.types.is_string(kind) or not all(isinstance(each, str | None) for each in values):
        return pa.array(values, kind)
    encoded = [b"" if value is None else value.encode() for value in values]
    ends = np.fromiter(chain([0], map(len, encoded)), np.int64, len(values) + 1).cumsum()
    if ends[-1] > MOST_BYTES:
        return pa.array(values, kind)
    is_there = np.fromiter((value is not None for value in values), bool, len(values))
    bits = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    buffers = [bits, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(kind, len(values), buffers)
