"""What a source found, on its way to the shards, and how much it is."""

from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from tasks.documents import Dialogue, Document
from tasks.ingest.source_files import Content, Found, Rows
from tasks.outlined_shards import OutlinedDocuments, OutlinedShards
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
        documents: Callable[[], SortedShards | OutlinedShards],
    ) -> None:
        self._shards, self._begin = dict(shards), documents
        self._documents: SortedShards | OutlinedShards | None = None
        self.count = Counter[type[Found]]()
        self.characters = self.bytes = 0

    def add(self, found: Content) -> None:
        """One thing more, or many."""
        if isinstance(found, OutlinedDocuments):
            shards = self._of_documents()
            assert isinstance(shards, OutlinedShards)
            shards.add_outlined(found)
            self.count[Document] += found.outlines.num_rows
            self.characters += pc.sum(found.outlines["characters"]).as_py() or 0
            self.bytes += pc.sum(found.outlines["bytes"]).as_py() or 0
        elif isinstance(found, Rows):
            self._shards[found.kind].add_table(found.table)
            self.count[found.kind] += found.table.num_rows
            texts = _texts_in(found)
            self.characters += pc.sum(pc.utf8_length(texts)).as_py() or 0
            self.bytes += pc.sum(pc.binary_length(texts)).as_py() or 0
        else:
            of_documents = isinstance(found, Document)
            shards = self._of_documents() if of_documents else self._shards[type(found)]
            shards.add(found.row())
            self.count[type(found)] += 1
            for text in _texts_of(found):
                self.characters += len(text)
                self.bytes += len(text.encode())

    def _of_documents(self) -> SortedShards | OutlinedShards:
        self._documents = self._documents or self._begin()
        return self._documents


def _texts_of(found: Found) -> list[str]:
    """What a model may learn to write of it."""
    if isinstance(found, Document):
        return [found.text]
    if isinstance(found, Dialogue):
        return [message["content"] for message in found.messages]
    return []


def _texts_in(rows: Rows) -> pa.Array | pa.ChunkedArray:
    """The same of all rows, which are of no documents."""
    if rows.kind is Dialogue:
        return pc.struct_field(pc.list_flatten(rows.table["messages"]), "content")
    return pa.nulls(0, pa.string())
