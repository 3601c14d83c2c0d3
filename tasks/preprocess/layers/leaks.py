"""The layer ``leaks``: the evaluation item that a text holds, or held before, a piece of."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.preprocess.decontamination import Decontamination, Leak

SCHEMA = pa.schema([pa.field("evaluation_set", pa.string()), pa.field("item", pa.string())])


def leaks(
    texts: Sequence[str],
    earlier: Sequence[Sequence[str]],
    places: np.ndarray,
    rows: int,
    decontamination: Decontamination,
) -> pa.Table:
    """The set and the item for each text at some places; nulls where there is none.

    Args:
        texts: those at the places.
        earlier: other forms that each had.
        places: in the chunk.
        rows: of the chunk.
        decontamination: what is sought.
    """
    found = decontamination.leaks(texts)
    forms = [(at, form) for at, before in enumerate(earlier) for form in before]
    before = decontamination.leaks([form for _, form in forms])
    for (at, _), leak in zip(forms, before, strict=True):
        found[at] = found[at] or leak
    all_of_them: list[Leak | None] = [None] * rows
    for place, leak in zip(places.tolist(), found, strict=True):
        all_of_them[place] = leak
    columns = {name: [getattr(leak, name, None) for leak in all_of_them] for name in SCHEMA.names}
    return pa.table(columns, SCHEMA)
