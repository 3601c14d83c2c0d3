"""Which files of the user's folder are looked at: one walk for all sources that read there."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from chatwright.errors import BadInput
from tasks.ingest.left_out import LeftOut
from tasks.ingest.readable_name import readable_name


class VisibleFile(NamedTuple):
    """A file, and its path below the folder that was walked, with slashes."""

    path: Path
    below: str


Wanted = Callable[[tuple[str, ...], bool], bool]
"""Whether a path, in its parts below the folder, is wanted; or, if true, what may stand in it."""


def all_of_them(parts: tuple[str, ...], is_folder: bool) -> bool:
    """Want every file."""
    return True


def visible_files(
    root: Path, left_out: LeftOut, wanted: Wanted = all_of_them
) -> Iterator[VisibleFile]:
    """Every file below a folder, hidden ones and those in hidden folders left out, by path.

    Folders behind links are counted, not entered: they may lead back to where they stand. A link
    to a file is that file.

    Args:
        root: the folder.
        left_out: gets counted what is wanted and no file that can be read.
        wanted: which files; folders in which none can stand are not entered.

    Raises:
        BadInput: a folder may not be read.
    """

    def unreadable(error: OSError) -> None:
        path = Path(os.fsdecode(error.filename))
        if isinstance(error, PermissionError):
            raise BadInput(str(path), "may not be read", "Give yourself the right to") from None
        left_out.add("cannot be opened", shown(path), detail=error.strerror or "")

    def shown(path: Path) -> str:
        return readable_name(os.fsencode(path.relative_to(root).as_posix()))

    def are_wanted(names: list[str], above: tuple[str, ...], *, is_folder: bool) -> list[str]:
        shown_ones = (name for name in names if not name.startswith("."))
        return [name for name in shown_ones if wanted((*above, name), is_folder)]

    # Strings, which for hundreds of thousands of files take a third of the time of paths.
    found: list[tuple[str, str]] = []
    for directory, folders, names in os.walk(root, onerror=unreadable):
        above = Path(directory).relative_to(root).parts

        folders[:] = are_wanted(folders, above, is_folder=True)
        for name in folders:
            if (path := Path(directory, name)).is_symlink():
                left_out.add("folder behind a link", shown(path))
        before = "".join(f"{part}/" for part in above)
        found += [
            (f"{before}{name}", os.path.join(directory, name))
            for name in are_wanted(names, above, is_folder=False)
        ]
    for below, full in sorted(found):
        try:
            special = not stat.S_ISREG(os.stat(full).st_mode)
        except OSError:
            special = False  # a link to nowhere, or gone: open_files says what
        if special:  # a pipe would be waited for without end
            left_out.add("is no regular file", readable_name(os.fsencode(below)))
        else:
            yield VisibleFile(Path(full), below)
