"""Tables as bytes and back, in Arrow's file format: for what goes to workers, or is kept."""

import hashlib
from collections.abc import Sequence

import pyarrow as pa


def to_bytes(table: pa.Table) -> bytes:
    """A table as bytes, compressed; the same rows make the same bytes."""
    return _written(table, "lz4").to_pybytes()


def table_hash(table: pa.Table) -> str:
    """A hash of a table, as hexadecimal digits; the same rows make the same."""
    return hashlib.sha256(_written(table, None)).hexdigest()


def _written(table: pa.Table, compression: str | None) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def from_bytes(content: bytes | pa.Buffer, columns: Sequence[str] | None = None) -> pa.Table:
    """The table, or some columns of it, which alone are unpacked."""
    if columns is None:
        return pa.ipc.open_file(content).read_all()
    names = column_names(content)
    options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns])
    return pa.ipc.open_file(content, options=options).read_all()


def column_names(content: bytes | pa.Buffer) -> list[str]:
    """The names of its columns."""
    return pa.ipc.open_file(content).schema.names
