"""The source ``huggingface``: data sets by name, read as Parquet (hub_dataset.py).

A row is a document, or a dialogue where the columns hold conversations (dataset_columns.py). Its id
is ``huggingface/owner/name/config/split#12``, the twelfth row of the split. A file is fetched when
its first row is asked for: ``limit`` costs no more than it needs.
"""

import errno
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chatwright.errors import BadParameter
from tasks.documents import Dialogue, Document
from tasks.ingest.archives import open_files
from tasks.ingest.dataset_columns import Columns, columns_of
from tasks.ingest.hub_dataset import KEY, Split, local_root, split_files
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import Tally
from tasks.ingest.open_file import OpenFile
from tasks.ingest.parquet import batches
from tasks.ingest.records import LONGEST_TITLE, Broken, Conversation, Record, Text
from tasks.ingest.source_files import Content, Reading, SourceFile, read_anew
from tasks.ingest.times_as_text import times_as_text
from tasks.params_ingest import FolderParams, IngestParams
from tasks.progress import Progress, silent

SOURCE = "huggingface"
BUFFER_BYTES = 2**20
"""Column chunks are read in such pieces, not whole: some files are one row group of a gigabyte."""


def check_datasets(params: IngestParams) -> None:
    """See that every data set is there and has the columns, before any data is read.

    Raises:
        BadParameter: none is named, or one split twice; also as ``split_files``.
        MissingInput, BadInput, ServiceUnavailable: as ``split_files`` and ``columns_of``.
    """
    if not params.huggingface:
        raise BadParameter(
            KEY, "names no data set", f"Name some, or take {SOURCE} out of ingest.sources"
        )
    names = set()
    for choice in params.huggingface:
        split = split_files(choice, params.folder.path)
        if split.name in names:
            raise BadParameter(split.where, f"names {split.name} twice", "Take one out")
        names.add(split.name)
        columns_of(split.schema(), choice, split.where)


def files_of_datasets(params: IngestParams) -> list[Path]:
    """The files of data sets in the user's folder, which ``folder`` leaves alone."""
    roots = [root for choice in params.huggingface if (root := local_root(choice))]
    return [path for root in roots for path in root.rglob("*") if path.is_file()]


def huggingface(
    params: IngestParams,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    """The documents and dialogues of the named data sets.

    Args:
        params: which data sets, and the limits of the folder, which count here, too.
        left_out: gets counted, and named, what cannot be used, and noted which commit was read.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput, BadInput, ServiceUnavailable: as ``check_datasets``; also where
            a file is broken, or too many of its rows are.
    """
    for choice in params.huggingface:
        split = split_files(choice, params.folder.path)
        if split.revision:
            left_out.versions[f"{SOURCE}/{split.name}"] = split.revision
        if split.is_partial:
            left_out.add("rows beyond the beginning that the hub has converted", split.name)
        yield from reading(
            _files(split, params.folder.path, progress),
            partial(_contents, split=split, limits=params.folder),
            left_out,
            decides={**params.folder.limits(), **split.decides()},
        )


def _files(split: Split, folder: str, progress: Progress) -> Iterator[SourceFile]:
    """The files up to the limit; the next is fetched when it is asked for."""
    first, limit = 0, split.choice.limit
    for path, where, copy in split.files(folder, progress):
        yield SourceFile(copy, where, first)
        first += split.rows(path, copy)
        if limit is not None and first >= limit:
            return


def _contents(
    named: SourceFile, left_out: LeftOut, *, split: Split, limits: FolderParams
) -> Iterator[Document | Dialogue]:
    path = split.path_of(named.where, limits.path)
    for file in open_files(named.path, named.where, limits, left_out):
        tally = Tally(file, limits, left_out)
        for row, record in _records(file, split, path, named.first):
            if tally.is_good(record, row) and not isinstance(record, Broken):
                yield _found(record, split, path, row, left_out)
        tally.check()


def _records(file: OpenFile, split: Split, path: str, done: int) -> Iterator[tuple[int, Record]]:
    """The rows of one file, numbered on from those before it, up to the limit."""
    try:
        table = pq.ParquetFile(file.seekable(), buffer_size=BUFFER_BYTES, pre_buffer=False)
        columns = columns_of(table.schema_arrow, split.choice, f"{split.where}, {path}")
        for batch in batches(table, columns.names, file.packed):
            for row in _rows(batch):
                if done == split.choice.limit or file.packed.trouble():
                    return
                done += 1
                yield done, _record(row, columns, done, file)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise  # no fault of the file's
        raise split.broken(path, error) from None


def _rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | None]:
    """The rows of a batch; None for one that is not in UTF-8."""
    try:
        yield from times_as_text(batch).to_pylist()
    except UnicodeDecodeError:  # before the first row, so that none comes twice
        for place in range(batch.num_rows):
            try:
                yield from times_as_text(batch.slice(place, 1)).to_pylist()
            except UnicodeDecodeError:
                yield None


def _record(row: Mapping[str, Any] | None, columns: Columns, number: int, file: OpenFile) -> Record:
    if row is None:
        return Broken(number, "is not in UTF-8")
    record = columns.record(row, number)
    if isinstance(record, Broken):
        return record
    if isinstance(record, Text):
        characters, texts = len(record.text), [record.text]
    else:
        texts = [message["content"] for message in record.messages]
        characters = sum(map(len, texts))
    # A character takes up to four bytes: few texts have to be encoded to see that they are short.
    if 4 * characters > file.longest and sum(len(t.encode()) for t in texts) > file.longest:
        return Broken(number, file.too_long)
    return record


def _found(
    record: Text | Conversation, split: Split, path: str, row: int, left_out: LeftOut
) -> Document | Dialogue:
    name, place = f"{SOURCE}/{split.name}#{row}", f"{split.name}:{row}"
    if isinstance(record, Conversation):
        if record.damaged:
            left_out.add("damaged characters", place, count=record.damaged)
        if record.not_taken:
            left_out.add("message beside the conversation taken", place, count=record.not_taken)
        said = " ".join(message["content"] for message in record.messages)
        return Dialogue(
            id=name,
            source=SOURCE,
            lang=record.lang or language(said),
            category=record.category or SOURCE,
            messages=record.messages,
        )
    if damaged := record.meta.get("damaged_characters", 0):
        left_out.add("damaged characters", place, count=damaged)
    is_address = record.url is not None and record.url.startswith(("http://", "https://"))
    revision = {"revision": split.revision} if split.revision else {}
    return Document(
        id=name,
        source=SOURCE,
        url=record.url if is_address else split.url,
        title=(record.title or "")[:LONGEST_TITLE] or f"{split.name} {row}",
        text=record.text,
        lang=record.lang or language(record.text),
        license=record.license or split.license,
        fetched_at=record.time,
        meta={"path": path, **revision, **record.meta},
    )
