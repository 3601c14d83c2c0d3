"""The layer ``rows``: a hash of each document as it came, by which it is known in another chunk."""

import hashlib

import pyarrow as pa

from tasks.preprocess.cleaning import DIGEST_BYTES

SCHEMA = pa.schema([pa.field("row", pa.binary(DIGEST_BYTES), nullable=False)])


def rows(raw: pa.Table) -> pa.Table:
    """The hashes of documents, of all their columns."""
    hashes = []
    for values in zip(*(raw[name].to_pylist() for name in raw.column_names), strict=True):
        parts = [value.encode() for value in values]
        lengths = ",".join(str(len(part)) for part in parts)
        content = b"\0".join([lengths.encode(), *parts])
        hashes.append(hashlib.blake2b(content, digest_size=DIGEST_BYTES).digest())
    return pa.table({"row": hashes}, SCHEMA)
