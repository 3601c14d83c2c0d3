"""The layers ``paragraphs``, the hashes of long ones, and ``shortened``, texts without some."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from tasks.preprocess.cleaning import DIGEST_BYTES, content_hash
from tasks.preprocess.paragraphs import paragraph_hashes, without_paragraphs

HASHES = pa.schema([pa.field("hashes", pa.list_(pa.binary(DIGEST_BYTES)))])
SHORTENED = pa.schema(
    [
        pa.field("text", pa.string()),
        pa.field("digest", pa.binary(DIGEST_BYTES)),
        pa.field("characters", pa.int64()),
    ]
)


def paragraphs(texts: Sequence[str]) -> pa.Table:
    """The hashes of the texts' long paragraphs, in their order."""
    return pa.table({"hashes": [paragraph_hashes(text) for text in texts]}, HASHES)


def shortened(texts: Sequence[str], repeated: Sequence[Sequence[bool]]) -> pa.Table:
    """What is left of each text, nulls where all of it is.

    Args:
        texts: those of a chunk.
        repeated: for each of them, which of its long paragraphs go; none at all: it stays whole.
    """
    columns: dict[str, list[Any]] = {name: [] for name in SHORTENED.names}
    for text, these in zip(texts, repeated, strict=True):
        left = without_paragraphs(text, these) if any(these) else None
        columns["text"].append(left)
        columns["digest"].append(None if left is None else content_hash(left))
        columns["characters"].append(None if left is None else len(left))
    return pa.table(columns, SHORTENED)
