"""Paragraphs that stand in the corpus a second time are taken out: notices, menus, footers.

A paragraph is what stands between blank lines. Short ones stay, as they mean something only where
they stand ("Returns:", "}"). Two are the same when their words are, whatever the white space.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.preprocess.cleaning import content_hash

SHORT_BYTES = 40
"""In UTF-8: about 8 English words, or 13 Chinese characters, which say about as much."""

_BORDER = re.compile(r"\n(?:[^\S\n]*\n)+")


def paragraph_hashes(text: str) -> list[bytes]:
    """A hash of the words of each paragraph that is not short, in their order."""
    return [content_hash(text[start:stop]) for start, stop, _ in _long_ones(text)]


def repeated(hashes: NDArray[np.bytes_]) -> NDArray[np.bool_]:
    """Which paragraphs, all of them in order, stood before, by their hashes."""
    _, first = np.unique(hashes, return_index=True)
    stood_before = np.ones(len(hashes), bool)
    stood_before[first] = False
    return stood_before


def without_paragraphs(text: str, these: Sequence[bool]) -> str:
    r"""A text without some of its long paragraphs, and without the borders behind them.

    Args:
        text: any text.
        these: for each hash of ``paragraph_hashes`` whether its paragraph goes.

    >>> notice = "All rights are reserved by those who reserved them."
    >>> without_paragraphs(f"Two.\n\n{notice}\n\nThree.", [True])
    'Two.\n\nThree.'
    """
    kept, begins = [], 0
    for (start, _, ends), goes in zip(_long_ones(text), these, strict=True):
        if goes:
            kept.append(text[begins:start])
            begins = ends
    return "".join([*kept, text[begins:]]).rstrip()


def _long_ones(text: str) -> Iterator[tuple[int, int, int]]:
    """Where each paragraph that is not short starts and stops, and where its border ends."""
    start = 0
    for border in [*_BORDER.finditer(text), None]:
        stop, ends = border.span() if border else (len(text), len(text))
        if len(text[start:stop].encode()) >= SHORT_BYTES:
            yield start, stop, ends
        start = ends
