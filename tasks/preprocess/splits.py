"""Which split a text is in: its own words decide, so that it never moves when others come or go."""

from collections.abc import Sequence

from tasks.params import PreprocessParams

SPLITS = ("train", "validation", "test")


def split_of(digest: bytes, params: PreprocessParams) -> str:
    """The split of a document with this hash: the hash, read as a number from 0 to 1, decides."""
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < params.test_share:
        return "test"
    if place < params.test_share + params.validation_share:
        return "validation"
    return "train"


def splits_of(digests: Sequence[bytes], params: PreprocessParams) -> tuple[list[str], int]:
    """The split of each of some documents, and how many of them stand in for a split.

    Of a handful of documents, none may fall into a split that is asked for. Then the one that is
    nearest to it, by its hash, stands in; it goes where it belongs once others have come.
    """
    splits = [split_of(digest, params) for digest in digests]
    asked = {"train": 1.0, "validation": params.validation_share, "test": params.test_share}
    lacking = [name for name in SPLITS if asked[name] and name not in splits]
    moved = 0
    for name in lacking:
        largest = max(SPLITS, key=splits.count)
        if splits.count(largest) < 2:
            break  # there are fewer documents than splits
        theirs = [place for place, split in enumerate(splits) if split == largest]
        # Test and validation lie below train.
        nearest = (max if name == "train" else min)(theirs, key=lambda place: digests[place])
        splits[nearest] = name
        moved += 1
    return splits, moved
