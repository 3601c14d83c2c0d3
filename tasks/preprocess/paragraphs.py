"""Paragraphs that stand in the corpus a second time are taken out: notices, menus, footers.

A paragraph is what stands between blank lines. Short ones stay, as they mean something only where
they stand ("Returns:", "}"). Two are the same when their words are, whatever the white space.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tasks.preprocess.cleaning import content_hash

SHORT_BYTES = 40
"""In UTF-8: about 8 English words, or 13 Chinese characters, which say about as much."""

_BORDER = re.compile(r"\n(?:[^\S\n]*\n)+")


class UniqueParagraphs(NamedTuple):
    """Texts without the paragraphs that stood before, and how many those were, in each text."""

    texts: list[str]
    removed: list[int]


def without_repeated_paragraphs(texts: Sequence[str]) -> UniqueParagraphs:
    r"""The texts without paragraphs that an earlier text, or the same one above, has.

    >>> notice = "All rights are reserved by those who reserved them."
    >>> without_repeated_paragraphs([f"One.\n\n{notice}", f"Two.\n\n{notice}\n\nThree."]).texts[1]
    'Two.\n\nThree.'
    """
    seen: set[bytes] = set()
    unique = UniqueParagraphs([], [])
    for text in texts:
        kept: list[str] = []
        begins = removed = 0
        for border in [*_BORDER.finditer(text), None]:
            paragraph = text[begins : border.start() if border else len(text)]
            with_border = text[begins : border.end() if border else len(text)]
            begins += len(with_border)
            if len(paragraph.encode()) >= SHORT_BYTES:
                digest = content_hash(paragraph)
                if digest in seen:
                    removed += 1
                    continue
                seen.add(digest)
            kept.append(with_border)
        unique.texts.append("".join(kept).rstrip() if removed else text)
        unique.removed.append(removed)
    return unique
