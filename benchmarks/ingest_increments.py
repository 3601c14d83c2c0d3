"""What the stage ingest costs when a hundredth of the documents is new, beside all of it.

Run as ``python -m benchmarks.ingest_increments FILE ...``: pages and texts, and tar.gz with such in
them, from which a folder of documents is made by taking them again and again under new names. The
stage runs as it does in a build, in one process; printed are seconds of the clock and of the
processor, and the share of the latter with the time that Python takes to start, and without it.
docs/corpus.md has the figures.
"""

import argparse
import io
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle
from operator import itemgetter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
ENDINGS = (".html", ".txt", ".md")
PIECE_BYTES = 50_000
"""A text that is longer, a book, becomes several documents."""


def documents(files: list[Path]) -> Iterator[tuple[str, bytes]]:
    """The documents among the files, each with its ending."""
    for file in files:
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as archive:
                for member in archive:
                    content = archive.extractfile(member)
                    if content is not None and member.name.endswith(ENDINGS):
                        yield Path(member.name).suffix, content.read()
        elif file.suffix == ".html":
            yield file.suffix, file.read_bytes()
        else:
            text = io.BytesIO(file.read_bytes())
            while lines := text.readlines(PIECE_BYTES):
                yield file.suffix, b"".join(lines)


def written(folder: Path, found: list[tuple[str, bytes]], size: int, first: int = 0) -> int:
    """Write documents of so many bytes together; returns the number after the last."""
    number = first
    for ending, content in cycle(found):
        if size <= 0:
            break
        # In the order of the paths, new documents stand between the others.
        path = folder / f"{number * 7919 % 100:02d}" / f"{number}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + f"\n{number}\n".encode())
        size -= len(content)
        number += 1
    return number


def run(project: Path, status: int = 0, module: str = "tasks.ingest") -> tuple[float, float]:
    """Seconds of the clock and of the processor that a stage takes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != status:
        raise RuntimeError(done.stderr.decode())
    return seconds, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--megabytes", type=float, default=100)
    arguments = parser.parse_args()
    found = list(documents(arguments.files))
    size = int(arguments.megabytes * 1e6)
    table = Table(title="ingest", title_justify="left")
    for column in ("", "seconds", "of the processor", "share", "share without the start"):
        table.add_column(column, justify="right")
    # What ships to MLflow may still write there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        project = Path(temporary)
        yaml = YAML()
        params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        params["ingest"]["sources"] = ["folder"]
        params["executor"]["workers"] = 1
        yaml.dump(params, project / "params.yaml")
        (project / "corpus").mkdir()
        start = min((run(project, status=2) for _ in range(2)), key=itemgetter(1))
        count = written(project / "corpus", found, size)
        full = run(project)
        again = run(project)
        written(project / "corpus", found, size // 100, count)
        increment = run(project)
    for name, (clock, processor) in (
        ("an empty folder, refused", start),
        (f"{count:,} documents, {arguments.megabytes:.0f} MB", full),
        ("the same again", again),
        ("1 % more (goal 3 %)", increment),
    ):
        share = (processor - start[1]) / (full[1] - start[1])
        table.add_row(
            name, f"{clock:.2f}", f"{processor:.2f}", f"{processor / full[1]:.1%}", f"{share:.1%}"
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
