"""What of documents decides in which shard they are, and what each counts, apart from their texts.

With it, shards that stay the same are known without a look at what is in them.
"""

import pyarrow as pa
import pyarrow.compute as pc

from tasks.row_hashes import HASH_BYTES, row_hashes
from tasks.row_tables import numbers_as_array, sizes, text_lengths

OUTLINE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("characters", pa.int32()),
        pa.field("bytes", pa.int32()),
        pa.field("row", pa.binary(HASH_BYTES)),
    ]
)


def outlines(documents: pa.Table) -> pa.Table:
    """Outlines of documents, as ``OUTLINE_SCHEMA``.

    Returns:
        Their ``id``; ``size``, as ``row_tables.sizes`` has it; ``characters`` and ``bytes`` of the
        text; and ``row``, a hash of all that is in the row.
    """
    count = documents.num_rows
    hashes = pa.py_buffer(b"".join(row_hashes(documents)))
    columns = [
        documents["id"],
        numbers_as_array(sizes(documents)),
        numbers_as_array(text_lengths(documents["text"])),
        pc.binary_length(documents["text"]),
        pa.Array.from_buffers(pa.binary(HASH_BYTES), count, [None, hashes]),
    ]
    return pa.Table.from_arrays(columns, schema=OUTLINE_SCHEMA)
