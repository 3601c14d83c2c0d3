"""What of documents decides in which shard they are, and what each counts, apart from their texts.

With it, shards that stay the same are known without a look at what is in them.
"""

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from tasks.row_hashes import HASH_BYTES, borders_and_bytes, row_hashes
from tasks.row_tables import numbers_as_array, sizes, text_lengths

SHA256_BYTES = 32
OUTLINE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("size", pa.int64()),
        pa.field("characters", pa.int32()),
        pa.field("bytes", pa.int32()),
        pa.field("content", pa.binary(SHA256_BYTES)),
        pa.field("row", pa.binary(HASH_BYTES)),
    ]
)


def outlines(documents: pa.Table) -> pa.Table:
    """Outlines of documents, as ``OUTLINE_SCHEMA``.

    Returns:
        Their ``id``; ``size``, as ``row_tables.sizes`` has it; ``characters`` and ``bytes`` of the
        text; ``content``, the SHA-256 of id and text, with a zero byte between; and ``row``, a hash
        of all that is in the row.
    """
    contents = _contents(documents.select(["id", "text"]))
    hashes = row_hashes(documents.drop_columns(["text"]), contents)
    columns = [
        documents["id"],
        numbers_as_array(sizes(documents)),
        numbers_as_array(text_lengths(documents["text"])),
        pc.binary_length(documents["text"]),
        _as_array(contents, SHA256_BYTES),
        _as_array(hashes, HASH_BYTES),
    ]
    return pa.Table.from_arrays(columns, schema=OUTLINE_SCHEMA)


def _contents(pairs: pa.Table) -> list[bytes]:
    found = []
    for batch in pairs.combine_chunks().to_batches():
        names, texts = map(borders_and_bytes, batch.columns)
        for row in range(batch.num_rows):
            digest = hashlib.sha256(names[1][names[0][row] : names[0][row + 1]])
            digest.update(b"\0")
            digest.update(texts[1][texts[0][row] : texts[0][row + 1]])
            found.append(digest.digest())
    return found


def _as_array(hashes: list[bytes], size: int) -> pa.Array:
    buffers = [None, pa.py_buffer(b"".join(hashes))]
    return pa.Array.from_buffers(pa.binary(size), len(hashes), buffers)
