"""The layer ``outlines``: what of each finished document decides in which shard it is and counts.

With it, shards that stay the same are known without a look at their texts.
"""

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from tasks.row_hashes import HASH_BYTES, row_hashes
from tasks.row_tables import sizes, text_lengths

SHA256_BYTES = 32


def outlines(documents: pa.Table) -> pa.Table:
    """Outlines of documents as they will be written.

    Returns:
        Their ``id``, ``source`` and ``lang``; ``size``, as ``row_tables.sizes`` has it;
        ``characters`` and ``bytes`` of the text; ``content``, the SHA-256 of id and text, with a
        zero byte between; and ``row``, a hash of all.
    """
    pairs = zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True)
    contents = [hashlib.sha256(f"{name}\0{text}".encode()).digest() for name, text in pairs]
    columns = {name: documents[name] for name in ("id", "source", "lang")}
    return pa.table(
        columns
        | {
            "size": pa.array(sizes(documents)),
            "characters": pa.array(text_lengths(documents["text"])),
            "bytes": pc.binary_length(documents["text"]),
            "content": pa.array(contents, pa.binary(SHA256_BYTES)),
            "row": pa.array(row_hashes(documents), pa.binary(HASH_BYTES)),
        }
    )
