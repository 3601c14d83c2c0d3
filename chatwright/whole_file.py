"""Small files that are there whole or not at all, whenever the process is killed."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text to a name beside ``path``, down to the disk, and rename it.

    Args:
        path: its folder exists; a file of that name is replaced.
    """
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", encoding="utf-8", newline="") as file:  # line ends as they are
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
