"""Columns of dates and times as text, which any row can be read with.

A value of Arrow's may be finer than Python's (nanoseconds) or outside its years; as an object of
Python it raises then, as text it is just one that is not understood.
"""

import pyarrow as pa


def times_as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, their dates and times in ISO 8601; a time that names a zone is in UTC.

    >>> times_as_text(pa.record_batch({"date": pa.array([0], pa.date32())})).to_pylist()
    [{'date': '1970-01-01'}]
    """
    for place, column in enumerate(batch.columns):
        if pa.types.is_list(column.type) and pa.types.is_temporal(column.type.value_type):
            column = column.cast(pa.list_(pa.string()))
            batch = batch.set_column(place, batch.schema.names[place], column)
        if not pa.types.is_temporal(column.type):
            continue
        if pa.types.is_timestamp(column.type) and column.type.tz:
            column = column.cast(pa.timestamp(column.type.unit, "UTC"))
        batch = batch.set_column(place, batch.schema.names[place], column.cast(pa.string()))
    return batch
