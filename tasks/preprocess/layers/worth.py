"""The layer ``worth``: why a document goes for what it is in itself, and what stays of its text.

It is all limits of all filters; what these compare with them is in layers of their own, which
grow where a filter asks for more.
"""

from typing import Any

import pyarrow as pa

from tasks.ingest.language import primary
from tasks.params import PreprocessParams
from tasks.preprocess.cleaning import DIGEST_BYTES, content_hash
from tasks.preprocess.layers.numbers import numbers, numbers_in
from tasks.preprocess.layers.sentences import sentences, sentences_in
from tasks.preprocess.quality.judgement import Found, judged

SCHEMA = pa.schema(
    [
        pa.field("reason", pa.string()),
        pa.field("text", pa.string()),
        pa.field("digest", pa.binary(DIGEST_BYTES), nullable=False),
    ]
)
FOUND = ("numbers", "sentences", "numbers_left")
"""The layers that grow."""


def worth(layers: dict[str, pa.Table], params: PreprocessParams) -> dict[str, pa.Table]:
    """A reason, null where a document stays, and its text, null where all of it does.

    Args:
        layers: ``formed``, and those of ``FOUND`` that are there.
        params: the stage's.

    Returns:
        The layer, and those of ``FOUND`` that there was something to add to.
    """
    texts = layers["formed"]["text"].to_pylist()
    languages = layers["formed"]["lang"].to_pylist()
    known = [
        Found(*of_text)
        for of_text in zip(
            numbers_in(layers.get("numbers"), len(texts)),
            sentences_in(layers.get("sentences"), texts),
            numbers_in(layers.get("numbers_left"), len(texts)),
            strict=True,
        )
    ]
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for text, lang, found in zip(texts, languages, known, strict=True):
        stays, reason = judgement(text, primary(lang), params, found)
        columns["reason"].append(reason)
        columns["text"].append(None if stays == text else stays)
        columns["digest"].append(content_hash(stays))
    made = {"worth": pa.table(columns, SCHEMA)}
    if any(found.whole for found in known):
        made["numbers"] = numbers([found.whole for found in known])
    if any(found.lines for found in known):
        made["sentences"] = sentences([found.lines for found in known], texts)
    if any(found.left for found in known):
        made["numbers_left"] = numbers([found.left for found in known])
    return {
        name: table
        for name, table in made.items()
        if name not in layers or not table.equals(layers[name])
    }


def judgement(
    text: str, lang: str, params: PreprocessParams, found: Found
) -> tuple[str, str | None]:
    """What stays of a clean text in itself, and why it goes; None where it stays."""
    if not text:
        return text, "empty"
    if len(text) < params.min_characters:
        return text, "too short"
    if params.languages is not None and lang not in params.languages:
        return text, f"language {lang}"
    stays, reason = judged(text, lang, params, found)
    if reason is None and len(stays) < params.min_characters:
        return text, "too short without the lines that filters took out"
    return stays, reason
