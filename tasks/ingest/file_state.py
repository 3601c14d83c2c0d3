"""How it is told that a file is as it was: by what the disk says of it, or by its bytes."""

import hashlib
import time
from pathlib import Path

State = tuple[int, ...]
"""Size, time of the last change of content and of the file, and inode."""

CLOCK_NS = 2_000_000_000
"""The longest tick of a file system's clock (FAT's)."""


def state_of(path: Path) -> State:
    """What the disk says of a file."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def is_settled(state: State) -> bool:
    """Whether another change of the file would give another state.

    It might not where the last one was within a tick of the clock, or in the future.
    """
    return max(state[1:3]) < time.time_ns() - CLOCK_NS


def content_of(path: Path) -> str:
    """The hash of a file's bytes."""
    with open(path, "rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
