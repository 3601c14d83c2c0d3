"""The layer ``outlines``: what of each finished document decides its shard, and what counts."""

import pyarrow as pa

from tasks import outlines as all_documents


def outlines(documents: pa.Table) -> pa.Table:
    """Outlines of documents as they will be written, with their ``source`` and ``lang``."""
    found = all_documents.outlines(documents)
    for name in ("source", "lang"):
        found = found.append_column(name, documents[name])
    return found
