"""The layer ``scores``: how probably a text is what the user calls good, from 0 to 1."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.preprocess.quality.classifier import Classifier


def scores(texts: Sequence[str], places: np.ndarray, rows: int, good: Classifier) -> pa.Table:
    """The scores of the texts at some places; 1 for the others, which go anyway."""
    found = np.ones(rows)
    found[places] = good.scores(texts)
    return pa.table({"score": found})
