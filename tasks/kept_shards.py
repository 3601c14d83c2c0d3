"""The shards that the last run wrote, each known by a hash of its rows: not to be written again.

A shard that stays the same costs a link to the file, which stands where the run before has put it.
Of each a list says where that is, and a hash of the file: one that has changed since is as good as
none.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from chatwright.whole_file import write_whole


class KeptShards:
    """What the last run's list says, and this run's, which takes its place when it is saved.

    Args:
        listing: the file with the list.
        places: for each folder that shards are written below, where it will stand in the end; that
            is where the last run's is, as long as this one is at work.
    """

    def __init__(self, listing: Path, places: Mapping[Path, Path]) -> None:
        self._listing, self._places = listing, places
        self._there: dict[str, list[str]] = {}
        with suppress(OSError, ValueError):
            self._there = json.loads(listing.read_text("utf-8"))
        self._now: dict[str, list[str]] = {}

    def take(self, fingerprint: str, path: Path) -> bool:
        """Put a shard there, if there is one that is whole; says whether it did."""
        if fingerprint not in self._there:
            return False
        name, content = self._there[fingerprint]
        try:
            standing = Path(name).resolve()
            if _content(standing) != content:
                return False
            if not (path.exists() and path.samefile(standing)):
                _link(standing, path)
        except OSError:
            return False
        self._now[fingerprint] = [self._place(path), content]
        return True

    def keep(self, fingerprint: str, path: Path) -> None:
        """Note a shard that was written."""
        self._now[fingerprint] = [self._place(path), _content(path)]

    def save(self) -> None:
        """Put the list of this run's in the place of the last one's."""
        write_whole(self._listing, json.dumps(self._now))

    def _place(self, path: Path) -> str:
        root = next(root for root in self._places if path.is_relative_to(root))
        return (self._places[root] / path.relative_to(root)).as_posix()


def _link(standing: Path, path: Path) -> None:
    """Another name for a file; a copy where the file system has none to give."""
    path.unlink(missing_ok=True)
    try:
        os.link(standing, path)
    except OSError:
        shutil.copyfile(standing, path)


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
