"""The documents as they came, sorted by id, in chunks: a few at a time, however many there are.

``ingest`` sorts each file, and a source's files one after the other; the sources' ids begin with
their names. So the files have an order in which all ids ascend. Where that is not so, they are
sorted first, on disk.

A chunk ends where a document's id says so (content_borders.py), so that documents that come or go
change the chunks that they are in and no others.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.content_borders import may_end
from tasks.documents import DOCUMENT_SCHEMA, read_table, unreadable
from tasks.parquet_batches import bounded_tables
from tasks.sorted_shards import SortedShards

CHUNK_BYTES = 1_000_000
"""Of text, on average; no chunk is shorter than a quarter of it, or much longer than four times."""

ROW_BYTES = 100  # what a document counts beside its text
BATCH_ROWS = 1_000


def sorted_files(raw: Path, aside: Path) -> list[Path]:
    """Files that hold a folder's documents in the order of their ids; none: there is no document.

    Args:
        raw: a folder of documents, as ``ingest`` writes it.
        aside: where to sort what is not sorted.

    Raises:
        MissingInput: there is no such folder.
        BadInput: a file is corrupt or lacks a column; it is named.
    """
    paths = sorted(raw.rglob("*.parquet"))
    if not paths and not raw.is_dir():
        read_table(raw, DOCUMENT_SCHEMA)  # says so
    spans = [(*span, path) for path in paths if (span := _first_and_last(path))]
    ascending = sorted(spans, key=lambda span: span[0])
    if all(one[1] < two[0] for one, two in zip(ascending, ascending[1:], strict=False)) and all(
        first <= last for first, last, _ in spans
    ):
        return [path for _, _, path in ascending]
    with SortedShards(aside, DOCUMENT_SCHEMA, shard_rows=50_000) as shards:
        for path in paths:
            for batch in _batches([path], DOCUMENT_SCHEMA.names):
                shards.add_table(batch)
    return sorted(aside.glob("*.parquet"))


def chunks(files: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    """The documents, in chunks whose borders their own ids and lengths decide.

    Args:
        files: as ``sorted_files`` gives them.
        columns: ``id`` and ``text`` among them.
    """
    begun: list[pa.Table] = []
    held = 0
    for batch in _batches(files, columns):
        sizes = pc.binary_length(batch["text"]).to_numpy().astype(np.int64) + ROW_BYTES
        ends = may_end(batch["id"].to_pylist(), sizes, CHUNK_BYTES)
        start = 0
        for place, size in enumerate(sizes.tolist()):
            held += size
            if (ends[place] and held >= CHUNK_BYTES // 4) or held >= CHUNK_BYTES * 4:
                yield pa.concat_tables([*begun, batch.slice(start, place + 1 - start)])
                begun, held, start = [], 0, place + 1
        begun.append(batch.slice(start))
    if held:
        yield pa.concat_tables(begun)


def again(
    files: Sequence[Path], columns: Sequence[str], counts: Sequence[int]
) -> Iterator[pa.Table]:
    """Other columns of the same chunks, of which so many documents each are known."""
    batches = _batches(files, columns)
    begun = DOCUMENT_SCHEMA.empty_table().select(columns)
    for count in counts:
        while begun.num_rows < count:
            begun = pa.concat_tables([begun, next(batches)])
        yield begun.slice(0, count)
        begun = begun.slice(count)


def _batches(files: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    schema = pa.schema([DOCUMENT_SCHEMA.field(name) for name in columns])
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for table in bounded_tables(file, columns, BATCH_ROWS):
                    yield table.select(columns).cast(schema)
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            raise unreadable(path, error) from None


def _first_and_last(path: Path) -> tuple[str, str] | None:
    """The least and the greatest id of a file, None where it has none; turned round: unsorted."""
    first = last = None
    try:
        schema = pq.read_schema(path)
        schema.empty_table().select(DOCUMENT_SCHEMA.names).cast(DOCUMENT_SCHEMA)
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        raise unreadable(path, error) from None
    for batch in _batches([path], ["id"]):
        ids = batch["id"].combine_chunks()
        start, end = ids[0].as_py(), ids[-1].as_py()
        is_sorted = pc.all(pc.less_equal(ids[:-1], ids[1:]), min_count=0).as_py()
        if not is_sorted or (last is not None and start < last):
            return "\U0010ffff", ""
        first, last = start if first is None else first, end
    return None if first is None or last is None else (first, last)
