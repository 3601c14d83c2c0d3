"""How a source has its files read: it says which, and how one is read; a ``Reading`` sees to it.

``read_anew`` reads one file after the other; kept_reading.py takes what it can from earlier runs
and reads the rest side by side. What comes out is the same. So a source's ``Read`` must depend on
nothing but the file and what it names as ``decides``; what depends on several files (a page that
came before) is the source's own business, done with what it gets from here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from tasks.documents import Dialogue, Document
from tasks.ingest.left_out import LeftOut
from tasks.labelled import LabelledText, Question
from tasks.outlined_shards import OutlinedDocuments
from tasks.progress import Progress, silent

Found = Document | Dialogue | LabelledText | Question


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file on disk that a source reads.

    Attributes:
        path: where it is.
        where: how it is named to the user, and in ids.
        first: how many records come before its first, where numbers go on from file to file.
        is_there: whether it could be opened by whoever has it read: then who reads it must, too.
    """

    path: Path
    where: str
    first: int = 0
    is_there: bool = False


@dataclass(frozen=True)
class Rows:
    """Many things of one kind, as the rows that they become."""

    kind: type[Found]
    table: pa.Table


Content = Found | Rows | OutlinedDocuments
"""What comes out of a file, one by one, as rows, or as documents whose texts are not read yet."""

Read = Callable[[SourceFile, LeftOut], Iterator[Found]]
"""Reads one file; another process must be able to get it, so it is a module's function, or a
``partial`` of one."""


class Reading(Protocol):
    """Called with files and how one is read; gives what is in them."""

    def __call__(
        self,
        files: Iterable[SourceFile],
        read: Read,
        left_out: LeftOut,
        *,
        decides: Mapping[str, Any],
        in_order: bool = False,
        progress: Progress = silent,
    ) -> Iterator[Content]:
        """What is in the files.

        Args:
            files: in their order; where it is a generator, it is asked for one when it is needed.
            read: how one is read.
            left_out: gets counted what is left out, file by file in their order.
            decides: all that decides how a file is read, as JSON may hold it.
            in_order: whether what is found must come one by one, and file by file in their order;
                else it may come in any order, and as ``Content`` of any form.
            progress: called with the files done, where their number is known.

        Raises:
            ChatwrightError: the first that ``read`` raises, in the order of the files.
        """
        ...


def read_anew(
    files: Iterable[SourceFile],
    read: Read,
    left_out: LeftOut,
    *,
    decides: Mapping[str, Any],
    in_order: bool = False,
    progress: Progress = silent,
) -> Iterator[Found]:
    """A ``Reading`` that reads one file after the other, and keeps nothing."""
    for number, file in enumerate(files):
        if isinstance(files, Sized):
            progress(number, len(files), "files")
        of_file = LeftOut()
        try:
            yield from read(file, of_file)
        finally:
            left_out.merge(of_file)
