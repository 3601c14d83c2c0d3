"""The files that a source is told to read, one by one or by pattern, and how their records count.

They stand in the user's folder, since that is what DVC watches: a change in them makes the stage
run again. The source ``folder`` leaves them to the source that names them. Or they stand elsewhere,
under an address (http, https, s3, hf; remote.py): of a change there DVC learns nothing.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks.ingest.elsewhere import copies, files_elsewhere
from tasks.ingest.left_out import LeftOut
from tasks.ingest.open_file import OpenFile
from tasks.ingest.readable_name import readable_name
from tasks.ingest.records import MESSAGES_FIELD, TEXT_FIELDS, Broken
from tasks.ingest.remote import RemoteFile, is_remote
from tasks.ingest.source_files import Content, Found, Reading, SourceFile
from tasks.ingest.tables import NoColumnOfTexts
from tasks.ingest.visible_files import visible_files
from tasks.params_ingest import FolderParams
from tasks.progress import Progress

SPLITS = {
    "train": "train",
    "training": "train",
    "dev": "validation",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}

TAKE_OUT = "or take the file out (ingest.folder.max_broken_share: 1 passes over all such files)"


@dataclass(frozen=True)
class NamedFiles:
    """What ``ingest.<source>.paths`` names; ``limits`` are those of the folder they stand in;
    ``allow_private``: whether addresses may lead into private networks."""

    source: str
    paths: list[str]
    limits: FolderParams
    allow_private: bool = False

    def check(self) -> None:
        """See that everything named is there, also elsewhere.

        Raises:
            BadParameter, MissingInput: as ``found``; and as ``remote_files``.
        """
        self.found()
        _ = self.elsewhere

    @property
    def key(self) -> str:
        """The parameter that names them."""
        return f"ingest.{self.source}.paths"

    @cached_property
    def elsewhere(self) -> list[RemoteFile]:
        """The files that stand elsewhere, in the order of their addresses; asked for once."""
        return files_elsewhere(self.paths, self.key, allow_private=self.allow_private)

    def found(self, left_out: LeftOut | None = None) -> list[Path]:
        """The files in the user's folder, in the order of their names.

        Args:
            left_out: gets counted what is named and no file that can be read.

        Raises:
            BadParameter: no file is named, or one that stands outside the folder.
            MissingInput: there is none of that name.
            BadInput: a folder may not be read.
        """
        key = self.key
        if not self.paths:
            raise BadParameter(
                key, "names no file", f"Name some, or take {self.source} out of ingest.sources"
            )
        root = Path(os.path.abspath(self.limits.path))
        patterns: dict[str, tuple[str, ...]] = {}
        for path in self.paths:
            if is_remote(path):
                continue
            if not Path(os.path.abspath(path)).is_relative_to(root):
                raise BadParameter(
                    f"{key}, {path}",
                    f"stands outside {self.limits.path}, so that a change in it would go unseen",
                    "Put it there, or name its folder in ingest.folder.path",
                )
            below = Path(os.path.abspath(path)).relative_to(root).parts
            patterns[path] = (*below, "*") if path.endswith("/") else below

        if not patterns:
            return []

        def is_named(parts: tuple[str, ...], is_folder: bool) -> bool:
            return any(_names(each, parts, is_folder) for each in patterns.values())

        folder = Path(self.limits.path)
        found = list(visible_files(folder, left_out or LeftOut(), is_named))
        for path, pattern in patterns.items():
            if not any(_names(pattern, tuple(each.below.split("/")), False) for each in found):
                raise MissingInput(
                    f"{key}, {path}",
                    "there is no such file",
                    "Mend the name; hidden files and folders behind links are passed over",
                )
        return [each.path for each in found]

    def contents(
        self,
        read: Callable[..., Iterator[Found]],
        left_out: LeftOut,
        reading: Reading,
        progress: Progress,
        *,
        in_order: bool = False,
    ) -> Iterator[Content]:
        """What is in the files, those in the user's folder first.

        Args:
            read: reads one, as ``Read``; gets the ``limits`` besides.
            left_out, reading, progress, in_order: as ``Reading``.
        """
        root = Path(os.path.abspath(self.limits.path))
        files = []
        for path in self.found(left_out):
            where = Path(os.path.abspath(path)).relative_to(root).as_posix()
            files.append(SourceFile(path, readable_name(os.fsencode(where))))
        files += copies(self.elsewhere, self.key, progress)
        return reading(
            files,
            partial(read, limits=self.limits),
            left_out,
            decides=self.limits.limits(),
            in_order=in_order,
            progress=progress,
        )


def _names(pattern: tuple[str, ...], parts: tuple[str, ...], is_folder: bool) -> bool:
    """Whether a pattern names a path or a folder above it; for a folder, or what may stand in it.

    ``*``, ``?`` and ``[...]`` are as in a shell, and ``**`` is any number of folders.
    """
    if not pattern or (is_folder and not parts):
        return True
    if pattern[0] == "**":
        return any(_names(pattern[1:], parts[n:], is_folder) for n in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and _names(pattern[1:], parts[1:], is_folder)
    )


class Tally:
    """Counts the records of one file, and says when too many are broken, or none has a text under
    a name that is known: either would cost the user a file that seems to have been read."""

    def __init__(self, file: OpenFile, limits: FolderParams, left_out: LeftOut) -> None:
        self._file, self._limits, self._left_out = file, limits, left_out
        self._records = 0
        self._broken: list[str] = []
        self._unknown: list[str] = []
        self._good = 0

    def is_good(self, record: object, number: int) -> bool:
        """Whether a record can be used; one that cannot is counted and named."""
        self._records += 1
        if not isinstance(record, Broken):
            self._good += 1
            return True
        place = f"{self._file.where}:{number}"
        if record.is_unknown:
            self._unknown.append(f"{place}: {record.detail}")
        elif not record.is_empty:
            self._broken.append(f"{place}, {record}")
        self._left_out.add(record.reason, place, detail=record.detail)
        return False

    def check(self) -> None:
        """See that enough of the file could be used, once all of it has been counted.

        Raises:
            BadInput: more of it is broken than may be, or there are texts in it, but none where
                one is sought.
        """
        share = self._limits.max_broken_share
        if self._file.is_cut():
            return
        if len(self._broken) > share * self._records:
            raise BadInput(
                self._where(),
                f"{len(self._broken)} of {self._records} records are broken, more than the"
                f" {share:.0%} that are allowed; the first, {self._broken[0]}",
                "Mend them, take the file out, or raise ingest.folder.max_broken_share",
            )
        are_most = self._unknown and 2 * len(self._unknown) >= self._records
        if are_most and not self._good and share < 1:
            names = ", ".join((*TEXT_FIELDS, MESSAGES_FIELD))
            raise BadInput(
                self._where(),
                f"no record has a text under a name that is known ({names}); the first is"
                f" {self._unknown[0]}",
                f"Rename the field with the text to {TEXT_FIELDS[0]} (and one with a heading or a"
                " question to title), name the file in"
                " ingest.chat.paths, ingest.labelled.paths or ingest.questions.paths if it is of"
                f" these, {TAKE_OUT}",
            )

    def check_columns(self, error: NoColumnOfTexts) -> None:
        """The same of a table, whose columns tell it.

        Raises:
            BadInput: there are texts in it, it is there whole, and may not be left out.
        """
        if not error.has_texts or self._file.is_cut() or self._limits.max_broken_share == 1:
            return
        remedy = f"{error.remedy}, " if error.remedy else ""
        raise BadInput(
            self._where(),
            f"{error}; it has {error.names}",
            f"Rename the one with the texts to {TEXT_FIELDS[0]}, {remedy}{TAKE_OUT}",
        )

    def _where(self) -> str:
        where = self._file.where
        return where if is_remote(where) else str(Path(self._limits.path, where))


def unknown_shape(file: OpenFile, found: str, known: str) -> BadInput:
    """The refusal of a file whose records are none that the source knows."""
    return BadInput(file.where, f"is in no shape known here: {found}", f"Known are {known}")


def split_of(where: str) -> str | None:
    """The split that a file's name tells: ``dev.tsv`` holds the validation set.

    >>> split_of("glue/CoLA/dev.tsv"), split_of("ChnSentiCorp-test.tsv"), split_of("reviews.csv")
    ('validation', 'test', None)
    """
    words = re.split(r"[^a-z]+", PurePosixPath(where).name.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)
