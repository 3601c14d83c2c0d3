"""Layers of which a row is made when it is first asked for, and is null till then.

What they hold of a text no limit of a filter decides. So where another limit lets more documents
stay, those are the rows to make, and where fewer stay there are none.

The first column is null where, and only where, nobody has asked for the row.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tasks.preprocess.word_hashes import Places

ASKED = ("scores", "leaks", "paragraphs", "keys")


def unknown(rows: int, schema: pa.Schema) -> pa.Table:
    """A layer that nobody has asked for anything."""
    return pa.table([pa.nulls(rows, field.type) for field in schema], schema)


def lacking(asked: pa.Table | None, wanted: NDArray[np.bool_]) -> Places:
    """The places of the rows that are wanted and not there; of no layer at all, none is."""
    if asked is not None:
        wanted = wanted & asked.column(0).is_null().to_numpy()
    return np.flatnonzero(wanted)


def with_rows(asked: pa.Table | None, rows: int, places: Places, new: pa.Table) -> pa.Table:
    """The layer with new rows at some places."""
    if asked is None:
        asked = unknown(rows, new.schema)
    order = np.arange(rows)
    order[places] = rows + np.arange(len(places))
    return pa.concat_tables([asked, new]).take(pa.array(order)).combine_chunks()


def stays(worth: pa.Table) -> NDArray[np.bool_]:
    """Which documents are asked about: those that stay for what they are in themselves."""
    return worth["reason"].is_null().to_numpy()
