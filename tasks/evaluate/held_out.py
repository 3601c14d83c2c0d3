"""Held-out text of a bounded size, so that measuring a large corpus takes no longer."""

import hashlib
from collections.abc import Sequence

from tasks.documents import Document


def thinned(documents: Sequence[Document], most_bytes: int) -> list[Document]:
    """The documents, or as many of them as stay within a size, chosen by hash and kept in order.

    At least one stays, whatever its size.
    """
    kept, size = set[str](), 0
    for document in sorted(documents, key=lambda d: hashlib.sha256(d.id.encode()).digest()):
        size += len(document.text.encode())
        if kept and size > most_bytes:
            break
        kept.add(document.id)
    return [document for document in documents if document.id in kept]
