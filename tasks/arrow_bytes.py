"""Tables as bytes and back, in Arrow's file format: for what goes to workers, or is kept."""

from collections.abc import Sequence

import pyarrow as pa


def to_bytes(table: pa.Table) -> bytes:
    """A table as bytes, compressed; the same rows make the same bytes."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def from_bytes(content: bytes | pa.Buffer, columns: Sequence[str] | None = None) -> pa.Table:
    """The table, or some columns of it, which alone are unpacked."""
    if columns is None:
        return pa.ipc.open_file(content).read_all()
    names = pa.ipc.open_file(content).schema.names
    options = pa.ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns])
    return pa.ipc.open_file(content, options=options).read_all()
