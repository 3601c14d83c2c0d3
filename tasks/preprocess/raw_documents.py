"""The documents as they came, sorted by id, in chunks: a few at a time, however many there are.

``ingest`` sorts each file, and a source's files one after the other; the sources' ids begin with
their names. So the files have an order in which all ids ascend. Where that is not so, they are
sorted first, on disk.

A chunk ends where a document's id says so (content_borders.py), and where its file does, so that
documents that come or go change the chunks that they are in and no others.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
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
"""Of text, on average; no chunk but a file's last is shorter than a quarter of it, and none is much
longer than four times."""

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


def chunks(path: Path, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The documents of a file, in chunks whose borders their own ids and lengths decide.

    Args:
        path: a file as ``sorted_files`` gives it.
        columns: ``id`` and ``text`` among them.
    """
    begun: list[pa.Table] = []
    held = 0
    for batch in _batches([path], columns):
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
    files: Sequence[Path], columns: Sequence[str], counts: Sequence[int], wanted: Sequence[int]
) -> Iterator[pa.Table]:
    """Other columns of some of the same chunks.

    Args:
        files: all, as ``sorted_files`` gives them.
        columns: as for ``chunks``.
        counts: how many documents each chunk has.
        wanted: the numbers of the chunks that are wanted, ascending; row groups without any of
            them are not read.
    """
    ends = np.cumsum(counts)
    spans = [(int(ends[number]) - counts[number], int(ends[number])) for number in wanted]

    def has_any(first: int, last: int) -> bool:
        place = bisect_right(spans, first, key=lambda span: span[1])
        return place < len(spans) and spans[place][0] < last

    parts: list[pa.Table] = []
    number = 0
    for place, batch in _placed(files, columns, has_any):
        while number < len(spans) and spans[number][0] < place + batch.num_rows:
            first, last = spans[number]
            start = max(0, first - place)
            parts.append(batch.slice(start, last - place - start))
            if last > place + batch.num_rows:
                break
            yield pa.concat_tables(parts)
            parts, number = [], number + 1


def _batches(files: Sequence[Path], columns: Sequence[str]) -> Iterator[pa.Table]:
    return (batch for _, batch in _placed(files, columns, lambda first, last: True))


def _placed(
    files: Sequence[Path], columns: Sequence[str], is_wanted: Callable[[int, int], bool]
) -> Iterator[tuple[int, pa.Table]]:
    """Batches of the row groups that are wanted, from their first row to their last, each with the
    place of its own first row among all."""
    schema = pa.schema([DOCUMENT_SCHEMA.field(name) for name in columns])
    place = 0
    for path in files:
        try:
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if is_wanted(place, place + rows):
                        done = place
                        for table in bounded_tables(file, columns, BATCH_ROWS, [group]):
                            yield done, table.select(columns).cast(schema)
                            done += table.num_rows
                    place += rows
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
