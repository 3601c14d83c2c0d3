"""The layer ``worth``: why a document goes for what it is in itself, and what stays of its text."""

from typing import Any

import pyarrow as pa

from tasks.ingest.language import primary
from tasks.params import PreprocessParams
from tasks.preprocess.cleaning import DIGEST_BYTES, content_hash
from tasks.preprocess.quality.judgement import judged

SCHEMA = pa.schema(
    [
        pa.field("reason", pa.string()),
        pa.field("text", pa.string()),
        pa.field("digest", pa.binary(DIGEST_BYTES), nullable=False),
    ]
)


def worth(formed: pa.Table, params: PreprocessParams) -> pa.Table:
    """A reason, null where a document stays, and its text, null where all of it does."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for text, lang in zip(formed["text"].to_pylist(), formed["lang"].to_pylist(), strict=True):
        stays, reason = judgement(text, primary(lang), params)
        columns["reason"].append(reason)
        columns["text"].append(None if stays == text else stays)
        columns["digest"].append(content_hash(stays))
    return pa.table(columns, SCHEMA)


def judgement(text: str, lang: str, params: PreprocessParams) -> tuple[str, str | None]:
    """What stays of a clean text in itself, and why it goes; None where it stays."""
    if not text:
        return text, "empty"
    if len(text) < params.min_characters:
        return text, "too short"
    if params.languages is not None and lang not in params.languages:
        return text, f"language {lang}"
    stays, reason = judged(text, lang, params)
    if reason is None and len(stays) < params.min_characters:
        return text, "too short without the lines that filters took out"
    return stays, reason
