"""From WARC files to clean documents, against datatrove: megabytes a second on one core and on two.

Run as ``python -m benchmarks.warc FILE.warc.gz ... [--megabytes 200]`` from the project's folder.
The records of the files are repeated under new ids until they make as many megabytes, unpacked, and
written as two files with a gzip member a record, as crawlers do. Both read them, take the main
content out of each page with the same library (resiliparse) and judge it by the same filters with
the published limits (Gopher repetition and quality, C4, FineWeb). They take turns; the median
counts. On two cores a process reads each file: ours are started for it, datatrove's are forked.

Ours does more on the way: it tells each page's language, and counts each record that it leaves out.
datatrove's own extractor, trafilatura, is measured besides, once, with ``--trafilatura``.
"""

import argparse
import gzip
import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.on_cores import one_and_two
from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import ServiceUnavailable
from tasks.executor import ordered_map, workers
from tasks.ingest.commoncrawl import commoncrawl
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_executor import ExecutorParams
from tasks.params_ingest import FolderParams
from tasks.preprocess.quality.judgement import filtered
from tasks.quality_params import QualityParams

GOAL = 3.0
FILTERS = ("gopher-repetition", "gopher-quality", "c4", "fineweb")
LIMITS = QualityParams()
NAMES = ("repeated-0.warc.gz", "repeated-1.warc.gz")


def records(path: Path) -> Iterator[bytes]:
    """The records of a sound file, each with its header."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        yield from re.split(rb"(?<=\r\n\r\n)(?=WARC/1\.\d\r\n)", file.read())


def repeat(paths: list[Path], out: Path, size: int, number: int) -> int:
    """Write so many bytes of records, unpacked, under new ids; how many it became."""
    once = [record for path in paths for record in records(path)]
    written = round_number = 0
    with out.open("wb") as file:
        while written < size:
            for record in once:
                new = re.sub(
                    rb"(?im)^(WARC-Record-ID: <urn:uuid:)",
                    rb"\g<1>%d-%d-" % (number, round_number),
                    record,
                    count=1,
                )
                file.write(gzip.compress(new, 6))
                written += len(new)
            round_number += 1
    return written


def read(path: Path) -> tuple[int, int]:
    """How many pages of a file are read and kept."""
    files = NamedFiles("commoncrawl", [str(path)], FolderParams(path=str(path.parent)))
    pages = kept = 0
    for document in commoncrawl(files, LeftOut()):
        pages += 1
        # As English, whatever the language: so datatrove's filters are set.
        kept += filtered(document.text, "en", FILTERS, LIMITS)[1] is None
    return pages, kept


def ours(folder: Path, cores: int) -> dict[str, float]:
    """Seconds, pages read and kept."""
    paths = [folder / name for name in NAMES]
    size = sum(path.stat().st_size for path in paths)
    start = time.perf_counter()
    with workers(ExecutorParams(workers=cores), text_bytes=size, small_bytes=0) as at_work:
        pages, kept = map(sum, zip(*ordered_map(at_work, read, paths), strict=True))
    return {"seconds": time.perf_counter() - start, "pages": pages, "kept": kept}


def theirs(folder: Path, extractor: str, cores: int) -> dict[str, float]:
    """The same of datatrove, in its own environment."""
    job, result = folder / "job.json", folder / "result.json"
    told: dict[str, object] = {"folder": str(folder), "files": "*.warc.gz", "cores": cores}
    told |= {"extractor": extractor, "result": str(result)}
    job.write_text(json.dumps(told), encoding="utf-8")
    command = [
        str(python_of("datatrove-warc")),
        str(HERE / "run_datatrove_warc.py"),
        str(job),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServiceUnavailable("datatrove", " ".join(done.stderr.split())[-300:])
    return json.loads(result.read_text("utf-8"))


def main() -> None:
    """Take turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, help="WARC files, .gz or not")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--trafilatura", action="store_true", help="datatrove's own extractor, too")
    arguments = parser.parse_args()
    python_of("datatrove-warc")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        megabytes = 0.0
        for number, written in enumerate(NAMES):
            size = arguments.megabytes * 10**6 // len(NAMES)
            megabytes += repeat(arguments.files, folder / written, size, number) / 1e6
        table = Table(title=f"{megabytes:.0f} MB of records")
        for heading in ("cores", "", "MB/s", "pages", "kept", "ours is"):
            table.add_column(heading, justify="left" if not heading else "right")
        for cores in one_and_two():
            turns = [
                (ours(folder, cores), theirs(folder, "resiliparse", cores))
                for _ in range(arguments.turns)
            ]
            rows = {"ours": [turn[0] for turn in turns], "datatrove": [turn[1] for turn in turns]}
            if arguments.trafilatura:
                rows["datatrove, trafilatura"] = [theirs(folder, "trafilatura", cores)]
            our_seconds = statistics.median(each["seconds"] for each in rows["ours"])
            for who, found in rows.items():
                seconds = statistics.median(each["seconds"] for each in found)
                counts = [f"{found[0][what]:,.0f}" for what in ("pages", "kept")]
                rate, ratio = f"{megabytes / seconds:.1f}", f"{seconds / our_seconds:.1f}x"
                table.add_row(str(cores), who, rate, *counts, ratio)
    console = Console()
    console.print(table)
    console.print(f"goal: {GOAL}x")


if __name__ == "__main__":
    main()
