"""Which split a text is in: its own words decide, so that it never moves when others come or go."""

import numpy as np
from numpy.typing import NDArray

from tasks.params import PreprocessParams
from tasks.preprocess.cleaning import DIGEST_BYTES

SPLITS = ("train", "validation", "test")


def own_splits(digests: NDArray[np.bytes_], params: PreprocessParams) -> NDArray[np.int8]:
    """The split of each document, as its place in ``SPLITS``: its hash decides.

    Args:
        digests: the content hashes, of ``DIGEST_BYTES``; the first 64 bits of each, read as a
            number from 0 to 1, are compared with the shares.
        params: the shares.
    """
    place = digests.view(">u8")[::2].astype(np.float64) / 2**64
    splits = np.zeros(len(digests), np.int8)
    splits[place < params.test_share + params.validation_share] = SPLITS.index("validation")
    splits[place < params.test_share] = SPLITS.index("test")
    return splits


def split_of(digest: bytes, params: PreprocessParams) -> str:
    """The name of the split of one document."""
    return SPLITS[own_splits(np.array([digest], f"S{DIGEST_BYTES}"), params)[0]]


def splits_of(
    digests: NDArray[np.bytes_], params: PreprocessParams
) -> tuple[NDArray[np.int8], int]:
    """As ``own_splits``, and how many documents stand in for a split.

    Of a handful of documents, none may fall into a split that is asked for. Then the one that is
    nearest to it, by its hash, stands in; it goes where it belongs once others have come.
    """
    splits = own_splits(digests, params)
    asked = {"train": 1.0, "validation": params.validation_share, "test": params.test_share}
    moved = 0
    for number, name in enumerate(SPLITS):
        sizes = np.bincount(splits, minlength=len(SPLITS))
        if not asked[name] or sizes[number]:
            continue
        largest = int(np.argmax(sizes))
        if sizes[largest] < 2:
            break  # there are fewer documents than splits
        theirs = np.flatnonzero(splits == largest)
        theirs = theirs[np.argsort(digests[theirs], kind="stable")]
        # Test and validation lie below train.
        splits[theirs[-1] if name == "train" else theirs[0]] = number
        moved += 1
    return splits, moved
