"""The layer ``numbers``: what filters counted in texts, whatever their limits.

Each number is null where no filter has asked for it. ``numbers_left`` is the same of the texts
that are left of these without the lines that C4's filter takes out.
"""

from collections.abc import Sequence

import pyarrow as pa

from tasks.preprocess.quality.statistics import Numbers

SHARES = pa.list_(pa.float64())
SCHEMA = pa.schema(
    [
        pa.field("words", pa.float64()),
        pa.field("all_tokens", pa.float64()),
        pa.field("mean_word_length", pa.float64()),
        pa.field("alphabetic_share", pa.float64()),
        pa.field("stop_words", pa.int64()),
        pa.field("repeated_lines", SHARES),
        pa.field("repeated_paragraphs", SHARES),
        pa.field("n_grams", pa.list_(SHARES)),
    ]
)


def numbers(found: Sequence[Numbers]) -> pa.Table:
    """The numbers of each text, by the names of the properties of ``Statistics``."""
    columns = {name: [each.get(name) for each in found] for name in SCHEMA.names}
    return pa.table(columns, SCHEMA)


def numbers_in(layer: pa.Table | None, rows: int) -> list[Numbers]:
    """What is known of each of so many texts; None: nothing."""
    if layer is None:
        return [{} for _ in range(rows)]
    return [
        {name: value for name, value in row.items() if value is not None}
        for row in layer.to_pylist()
    ]
