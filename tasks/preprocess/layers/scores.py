"""The layer ``scores``: how probably a text is what the user calls good, from 0 to 1."""

from collections.abc import Sequence

import pyarrow as pa

from tasks.preprocess.quality.classifier import Classifier


def scores(texts: Sequence[str], good: Classifier) -> pa.Table:
    """The scores of the texts."""
    return pa.table({"score": good.scores(texts)})
