"""The layer ``keys``: the MinHash keys of each text's bands, and whether it has words at all."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.params import NearDuplicatesParams
from tasks.preprocess.minhash import BandKeys, band_keys


def keys(
    texts: Sequence[str], places: np.ndarray, rows: int, params: NearDuplicatesParams
) -> pa.Table:
    """The keys of the texts at some places; the others have no words."""
    found = band_keys(texts, shingle=params.shingle, bands=params.bands, rows=params.rows)
    has_words = np.zeros(rows, bool)
    has_words[places] = found.has_words
    of_bands = np.zeros((params.bands, rows), np.uint64)
    of_bands[:, places] = found.keys
    columns = {str(band): of_band for band, of_band in enumerate(of_bands)}
    return pa.table({"has_words": has_words, **columns})


def keys_in(layer: pa.Table) -> BandKeys:
    """The keys of a chunk, as they were."""
    of_bands = [layer[name].to_numpy() for name in layer.column_names[1:]]
    return BandKeys(np.stack(of_bands), layer["has_words"].to_numpy())
