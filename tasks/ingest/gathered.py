"""What a source found, on its way to the shards, and how much it is."""

from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tasks.documents import Dialogue, Document
from tasks.ingest.source_files import Found, Rows
from tasks.sorted_shards import SortedShards


class Gathered:
    """Adds to shards what comes in, one by one or as rows, and counts it.

    ``count`` is of the things of each kind; ``characters`` and ``bytes`` are of what a model may
    learn to write, the text of documents and what is said in dialogues.

    Args:
        shards: those for each kind but documents.
        documents: makes those for documents, when the first comes.
    """

    def __init__(
        self,
        shards: Mapping[type[Found], SortedShards],
        documents: Callable[[], SortedShards],
    ) -> None:
        self._shards, self._documents = dict(shards), documents
        self.count = Counter[type[Found]]()
        self.characters = self.bytes = 0

    def add(self, found: Found | Rows) -> None:
        """One thing more, or many."""
        if isinstance(found, Rows):
            self._into(found.kind).add_table(found.table)
            self.count[found.kind] += found.table.num_rows
            texts = _texts_in(found)
            self.characters += pc.sum(pc.utf8_length(texts)).as_py() or 0
            self.bytes += pc.sum(pc.binary_length(texts)).as_py() or 0
            return
        self._into(type(found)).add(found.row())
        self.count[type(found)] += 1
        for text in _texts_of(found):
            self.characters += len(text)
            self.bytes += len(text.encode())

    def _into(self, kind: type[Found]) -> SortedShards:
        if kind not in self._shards:
            self._shards[kind] = self._documents()
        return self._shards[kind]


def _texts_of(found: Found) -> list[str]:
    """What a model may learn to write of it."""
    if isinstance(found, Document):
        return [found.text]
    if isinstance(found, Dialogue):
        return [message["content"] for message in found.messages]
    return []


def _texts_in(rows: Rows) -> pa.Array | pa.ChunkedArray:
    """The same of all rows."""
    if rows.kind is Document:
        return rows.table["text"]
    if rows.kind is Dialogue:
        return pc.struct_field(pc.list_flatten(rows.table["messages"]), "content")
    return pa.nulls(0, pa.string())
