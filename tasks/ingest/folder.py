"""The source ``folder``: whatever the user drops into ``corpus/``.

Files of known formats are read at any depth, in the order of their paths; hidden ones are passed
over, others counted and named. A document's id is its path, ``folder/handbook/leave.md``, and for
a record the path and its line or row, ``folder/faq.jsonl#12``.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Dialogue, Document
from tasks.ingest.formats import LONGEST_TITLE, READERS, Reader
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.records import Broken, Conversation, Text
from tasks.ingest.text_encoding import Undecodable
from tasks.params import FolderParams
from tasks.progress import Progress, silent

SOURCE = "folder"


def folder(
    params: FolderParams, left_out: LeftOut, *, progress: Progress = silent
) -> Iterator[Document | Dialogue]:
    """The documents and conversations in the user's folder.

    Args:
        params: the folder, and the share of a file's records that may be broken.
        left_out: gets counted, and named, what could not be read.

    Raises:
        MissingInput: there is no such folder.
        BadInput: a file is broken as a whole, or too many of its records are.
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
    paths = list(visible_files(root))
    for number, path in enumerate(paths):
        progress(number, len(paths), "files")
        reader = READERS.get(path.suffix.lower())
        where = path.relative_to(root).as_posix()
        if reader is None:
            left_out.add(f"not a format that is read ({path.suffix.lower() or 'no ending'})", where)
        else:
            yield from file_contents(path, where, reader, params, left_out)


def visible_files(root: Path) -> Iterator[Path]:
    """Every file below a folder, hidden ones and those in hidden folders left out, by path."""
    found = []
    for directory, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(directory, name) for name in names if not name.startswith(".")]
    yield from sorted(found, key=lambda path: path.relative_to(root).as_posix())


def file_contents(
    path: Path, where: str, reader: Reader, params: FolderParams, left_out: LeftOut
) -> Iterator[Document | Dialogue]:
    """What one file gives; raises ``BadInput`` when too many of its records are broken."""
    records = 0
    broken: list[Broken] = []
    kept: list[Document | Dialogue] = []
    try:
        for record in reader(path):
            records += 1
            if isinstance(record, Broken) and record.is_empty:
                left_out.add(record.reason)
            elif isinstance(record, Broken):
                broken.append(record)
                left_out.add(record.reason, f"{where}:{record.number}", detail=record.detail)
            elif isinstance(record, Conversation):
                kept.append(dialogue(record, where))
            elif record.text.strip():
                if damaged := record.meta.get("damaged_characters", 0):
                    left_out.add("damaged characters", where, count=damaged)
                kept.append(document(record, path, where))
            else:
                left_out.add("no text in it", where)
    except Undecodable as error:
        left_out.add(str(error), where)
        return
    except PermissionError:
        raise BadInput(str(path), "may not be read", "Give yourself the right to") from None
    if broken and len(broken) > params.max_broken_share * records:
        first = broken[0]
        raise BadInput(
            str(path),
            f"{len(broken)} of {records} records are broken, more than the"
            f" {params.max_broken_share:.0%} that are allowed; the first, {where}:{first.number},"
            f" {first}",
            "Mend them, take the file out, or raise ingest.folder.max_broken_share",
        )
    yield from kept


def document(record: Text, path: Path, where: str) -> Document:
    """A document out of a text found in a file.

    It has no ``fetched_at``: a file's time changes whenever it is copied, and the same corpus must
    give the same bytes.
    """
    name = where if record.number is None else f"{where}#{record.number}"
    title = " ".join((record.title or "").split())[:LONGEST_TITLE]
    return Document(
        id=f"{SOURCE}/{name}",
        source=SOURCE,
        url=record.url,
        title=title or path.stem + (f" {record.number}" if record.number is not None else ""),
        text=record.text,
        lang=record.lang or language(record.text),
        meta={"path": where, **record.meta},
    )


def dialogue(record: Conversation, where: str) -> Dialogue:
    """A dialogue out of a conversation found in a file."""
    said = " ".join(message["content"] for message in record.messages)
    return Dialogue(
        id=f"{SOURCE}/{where}#{record.number}",
        source=SOURCE,
        lang=record.lang or language(said),
        category=record.category or "folder",
        messages=record.messages,
    )
