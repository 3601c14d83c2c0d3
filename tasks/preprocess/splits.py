"""Which split a text is in: its own words decide, so that it never moves when others come or go."""

from tasks.params import PreprocessParams


def split_of(digest: bytes, params: PreprocessParams) -> str:
    """The split of a document with this hash: the hash, read as a number from 0 to 1, decides."""
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < params.test_share:
        return "test"
    if place < params.test_share + params.validation_share:
        return "validation"
    return "train"
