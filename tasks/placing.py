"""Puts what a stage has written in the place of what stood there before."""

import os
import shutil
from pathlib import Path


def aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb") as content:
                os.fsync(content.fileno())


def put_in_place(partial: Path, path: Path) -> None:
    """Put ``partial`` in the place of ``path``; a folder cannot be replaced in one step."""
    if path.exists():
        path.rename(aside(path))
    partial.rename(path)
    remove(aside(path))
