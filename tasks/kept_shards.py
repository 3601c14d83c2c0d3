"""The shards that the last run wrote, each under a hash of its rows, so as not to write them again.

A shard that stays the same costs a link to the file that is there. The file's name tells its
content's hash as well, so that one that is damaged is as good as none.
"""

import hashlib
import os
import shutil
from pathlib import Path


class KeptShards:
    """Those in a folder, which is made if it is not there.

    What this run neither took nor kept is removed by ``forget_unused``. A shard is another name of
    the file that was written, where the file system has that; else a copy.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._used: set[Path] = set()
        self._there = {path.name.partition("-")[0]: path for path in folder.glob("*.parquet")}

    def take(self, fingerprint: str, path: Path) -> bool:
        """Put a shard there, if it is kept and whole; says whether it did."""
        kept = self._there.get(fingerprint)
        try:
            if kept is None or kept.stem.partition("-")[2] != _content(kept):
                return False
            _link(kept, path)
        except FileNotFoundError:
            return False
        self._used.add(kept)
        return True

    def keep(self, fingerprint: str, path: Path) -> None:
        """Keep a shard that was written."""
        kept = self._folder / f"{fingerprint}-{_content(path)}.parquet"
        partial = kept.with_suffix(".partial")
        _link(path, partial)
        partial.replace(kept)
        self._used.add(kept)

    def forget_unused(self) -> None:
        """Remove what this run did not use, and what a killed one left half written."""
        for path in self._folder.iterdir():
            if path not in self._used:
                path.unlink()


def _link(path: Path, other: Path) -> None:
    other.unlink(missing_ok=True)
    try:
        os.link(path, other)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one that has no links
        shutil.copyfile(path, other)


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
