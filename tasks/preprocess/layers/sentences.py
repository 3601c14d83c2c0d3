"""The layer ``sentences``: what C4's filter makes of each text's lines, if it was asked."""

from collections.abc import Sequence

import pyarrow as pa

from tasks.preprocess.quality.c4 import Lines

SCHEMA = pa.schema(
    [
        pa.field("sentences", pa.int64()),
        pa.field("lines", pa.string()),
        pa.field("reason", pa.string()),
    ]
)


def sentences(found: Sequence[Lines | None], texts: Sequence[str]) -> pa.Table:
    """How many sentences there are, the lines that stay, null where the text is just these, and
    what sends the document away. All is null where the filter was not asked."""
    columns: dict[str, list[int | str | None]] = {name: [] for name in SCHEMA.names}
    for lines, text in zip(found, texts, strict=True):
        left = None if lines is None else "\n".join(lines.kept)
        columns["sentences"].append(None if lines is None else lines.sentences)
        columns["lines"].append(None if left == text else left)
        columns["reason"].append(None if lines is None else lines.reason)
    return pa.table(columns, SCHEMA)


def sentences_in(layer: pa.Table | None, texts: Sequence[str]) -> list[Lines | None]:
    """What is known of the lines of each text; None where nothing is."""
    if layer is None:
        return [None] * len(texts)
    found: list[Lines | None] = []
    for text, row in zip(texts, layer.to_pylist(), strict=True):
        if row["sentences"] is None:
            found.append(None)
        else:
            left = text if row["lines"] is None else row["lines"]
            lines = left.split("\n") if left else []
            found.append(Lines(lines, row["sentences"], row["reason"]))
    return found
