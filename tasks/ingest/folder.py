"""The source ``folder``: whatever the user drops into ``corpus/``.

Files of known formats are read at any depth, in the order of their paths; hidden ones are passed
over, others counted and named. A document's id is its path, ``folder/handbook/leave.md``, and for
a record the path and its line or row, ``folder/faq.jsonl#12``. What stands in an archive is named
after both: ``folder/handbook.zip!leave.md``. What stands elsewhere (``ingest.folder.addresses``) is
copied here first and named by its address: ``folder/s3://bucket/handbook/leave.md``.
"""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Dialogue, Document
from tasks.ingest.archives import PACKED, open_files
from tasks.ingest.elsewhere import copies
from tasks.ingest.formats import READERS, Reader
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import Tally
from tasks.ingest.open_file import OpenFile
from tasks.ingest.readable_name import readable_name
from tasks.ingest.records import LONGEST_TITLE, Broken, Conversation, Text, sound
from tasks.ingest.remote import RemoteFile
from tasks.ingest.source_files import Content, Reading, SourceFile, read_anew
from tasks.ingest.tables import NoColumnOfTexts
from tasks.ingest.text_encoding import Undecodable
from tasks.ingest.visible_files import visible_files
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "folder"


def folder(
    params: FolderParams,
    left_out: LeftOut,
    *,
    without: Iterable[Path] = (),
    elsewhere: Iterable[RemoteFile] = (),
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    """The documents and conversations in the user's folder.

    Args:
        params: the folder, and the share of a file's records that may be broken.
        left_out: gets counted, and named, what could not be read.
        without: files in it that another source reads.
        elsewhere: further files, of ``params.addresses``.
        reading: what has the files read.

    Raises:
        MissingInput: there is no such folder.
        BadInput: a file is broken as a whole, or too many of its records are, or none of them has
            a text where one is sought; a file or folder may not be read.
        ServiceUnavailable, DiskFull: what stands elsewhere cannot be had; see remote.py.
    """
    root = Path(params.path)
    if not root.exists():
        raise MissingInput(
            f"ingest.folder.path, {params.path}",
            "there is no such folder",
            "Make it (it may be empty), or name the folder that holds your files",
        )
    if not root.is_dir():
        raise BadInput(
            f"ingest.folder.path, {params.path}", "is a file", "Name the folder it is in"
        )
    taken = {os.path.abspath(path) for path in without}
    files = [
        SourceFile(path, readable_name(os.fsencode(below)))
        for path, below in visible_files(root, left_out)
        if not taken or os.path.abspath(path) not in taken
    ]
    files += copies(_readable(elsewhere, left_out), "ingest.folder.addresses", progress)
    yield from reading(
        files,
        partial(_contents, params=params),
        left_out,
        decides=params.limits(),
        progress=progress,
    )


def _readable(files: Iterable[RemoteFile], left_out: LeftOut) -> Iterator[RemoteFile]:
    """Those whose format is read: others need not be copied to be counted."""
    for file in files:
        suffix = PurePosixPath(file.name).suffix.lower()
        if suffix in READERS or suffix in PACKED:
            yield file
        else:
            left_out.add(f"not a format that is read ({suffix or 'no ending'})", file.address)


def _contents(
    named: SourceFile, left_out: LeftOut, *, params: FolderParams
) -> Iterator[Document | Dialogue]:
    """What a file gives, or all files in it."""
    for file in open_files(named.path, named.where, params, left_out):
        reader = READERS.get(file.suffix)
        if reader is None:
            left_out.add(f"not a format that is read ({file.suffix or 'no ending'})", file.where)
        else:
            yield from file_contents(file, reader, params, left_out)


def file_contents(
    file: OpenFile, reader: Reader, params: FolderParams, left_out: LeftOut
) -> Iterator[Document | Dialogue]:
    """What one file gives, as it is read; raises ``BadInput`` when too much of it is broken, or its
    texts have a name under which none is sought."""
    tally = Tally(file, params, left_out)
    where = file.where
    try:
        for record in reader(file):
            if file.packed.trouble():
                return  # what is in hand may be half of one thing and half of another
            if not tally.is_good(record, record.number or 0) or isinstance(record, Broken):
                continue
            if isinstance(record, Conversation):
                if record.damaged:
                    left_out.add("damaged characters", place(file, record), count=record.damaged)
                yield dialogue(record, file)
            elif record.text.strip():
                if damaged := record.meta.get("damaged_characters", 0):
                    left_out.add("damaged characters", place(file, record), count=damaged)
                yield document(record, file)
            elif not file.is_cut():
                left_out.add("no text in it", where)
    except Undecodable as error:
        if not file.packed.trouble():
            if isinstance(error, NoColumnOfTexts):
                tally.check_columns(error)
            left_out.add(str(error), where)
        return
    tally.check()


def place(file: OpenFile, record: Text | Conversation) -> str:
    """Where a record stands: the file, and its line or row."""
    return file.where if record.number is None else f"{file.where}:{record.number}"


def document(record: Text, file: OpenFile) -> Document:
    """A document out of a text found in a file.

    Its ``fetched_at`` is the time that the record itself tells: that of the file changes whenever
    it is copied, and the same corpus must give the same bytes.
    """
    name = file.where if record.number is None else f"{file.where}#{record.number}"
    title = " ".join((record.title or "").split())[:LONGEST_TITLE]
    return Document(
        id=f"{SOURCE}/{name}",
        source=SOURCE,
        url=record.url,
        title=title
        or sound(file.stem) + (f" {record.number}" if record.number is not None else ""),
        text=record.text,
        lang=record.lang or language(record.text),
        license=record.license,
        fetched_at=record.time,
        meta={"path": file.where, **record.meta},
    )


def dialogue(record: Conversation, file: OpenFile) -> Dialogue:
    """A dialogue out of a conversation found in a file."""
    said = " ".join(message["content"] for message in record.messages)
    return Dialogue(
        id=f"{SOURCE}/{file.where}#{record.number}",
        source=SOURCE,
        lang=record.lang or language(said),
        category=record.category or "folder",
        messages=record.messages,
    )
