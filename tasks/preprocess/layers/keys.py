"""The layer ``keys``: whether each text has words at all, and the MinHash keys of its bands."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tasks.params import NearDuplicatesParams
from tasks.preprocess.minhash import BandKeys, band_keys


def keys(texts: Sequence[str], params: NearDuplicatesParams) -> pa.Table:
    """The keys of the texts."""
    found = band_keys(texts, shingle=params.shingle, bands=params.bands, rows=params.rows)
    columns = {str(band): of_band for band, of_band in enumerate(found.keys)}
    return pa.table({"has_words": found.has_words, **columns})


def keys_in(layer: pa.Table) -> BandKeys:
    """The keys of texts that have been asked for."""
    of_bands = [layer[name].to_numpy() for name in layer.column_names[1:]]
    return BandKeys(np.stack(of_bands), layer["has_words"].to_numpy())
