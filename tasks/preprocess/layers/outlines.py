"""The layer ``outlines``: what of each finished document decides its shard, and what counts."""

import hashlib

import pyarrow as pa

from tasks import outlines as all_documents

SHA256_BYTES = 32


def outlines(documents: pa.Table) -> pa.Table:
    """Outlines of documents as they will be written.

    Returns:
        The columns of ``tasks.outlines``; ``source`` and ``lang``; and ``content``, the SHA-256 of
        id and text, with a zero byte between.
    """
    pairs = zip(documents["id"].to_pylist(), documents["text"].to_pylist(), strict=True)
    contents = [hashlib.sha256(f"{name}\0{text}".encode()).digest() for name, text in pairs]
    found = all_documents.outlines(documents)
    for name in ("source", "lang"):
        found = found.append_column(name, documents[name])
    return found.append_column("content", pa.array(contents, pa.binary(SHA256_BYTES)))
