"""The layer ``leaks``: the evaluation item that a text holds, or held before, a piece of."""

from collections.abc import Sequence

import pyarrow as pa

from tasks.preprocess.decontamination import Decontamination

SCHEMA = pa.schema(
    [
        pa.field("leaks", pa.bool_()),
        pa.field("evaluation_set", pa.string()),
        pa.field("item", pa.string()),
    ]
)


def leaks(
    texts: Sequence[str], earlier: Sequence[Sequence[str]], decontamination: Decontamination
) -> pa.Table:
    """The set and the item for each text; nulls where there is none.

    Args:
        texts: as they are.
        earlier: other forms that each had.
        decontamination: what is sought.
    """
    found = decontamination.leaks(texts)
    forms = [(at, form) for at, before in enumerate(earlier) for form in before]
    before = decontamination.leaks([form for _, form in forms])
    for (at, _), leak in zip(forms, before, strict=True):
        found[at] = found[at] or leak
    rows = [
        (leak is not None, getattr(leak, "evaluation_set", None), getattr(leak, "item", None))
        for leak in found
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)] or [[]] * 3, SCHEMA)
