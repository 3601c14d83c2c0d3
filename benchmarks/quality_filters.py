"""The quality filters against datatrove's: megabytes a second, and how often both agree.

Run as ``python -m benchmarks.quality_filters FILE ...`` from the project's folder, with JSONL files
of web text (a field ``text``, .gz or not); about a minute. Both judge the same texts, each all four
sets (Gopher repetition, Gopher quality, C4, FineWeb) one after the other with the published limits,
and stop at the first that rejects. They take turns, and the median of the processor's seconds
counts.

Agreement is over keep or drop. Where they differ, the texts are printed with both reasons:
datatrove splits words with spaCy, ours with one regular expression, so a text at a limit may fall
to either side.
"""

import argparse
import gzip
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import ServiceUnavailable
from tasks.preprocess.quality.judgement import filtered
from tasks.quality_params import QualityParams

GOAL = 5.0
FILTERS = ("gopher-repetition", "gopher-quality", "c4", "fineweb")


def texts_of(paths: list[Path]) -> list[str]:
    """The texts of JSONL files, in order."""
    texts = []
    for path in paths:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            texts += [json.loads(line)["text"] for line in file]
    return [text for text in texts if text.strip()]


def ours(texts: list[str]) -> tuple[float, list[str | None]]:
    """Seconds of the processor, and the reason for each text."""
    limits = QualityParams()
    start = time.process_time()
    reasons = [filtered(text, "en", FILTERS, limits)[1] for text in texts]
    return time.process_time() - start, reasons


def theirs(texts: Path) -> tuple[float, list[str | None]]:
    """The same of datatrove, in its own environment."""
    command = [str(python_of("datatrove")), str(HERE / "run_datatrove_filters.py"), str(texts)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServiceUnavailable("datatrove", " ".join(done.stderr.split())[-300:])
    told = json.loads(done.stdout.splitlines()[-1])
    return told["seconds"], told["reasons"]


def main() -> None:
    """Take turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, help="JSONL files with a field text")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    texts = texts_of(arguments.files)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        turns = [(ours(texts), theirs(file)) for _ in range(arguments.turns)]
    seconds = [statistics.median(turn[who][0] for turn in turns) for who in (0, 1)]
    found = turns[0][0][1], turns[0][1][1]
    agreed = sum((a is None) == (b is None) for a, b in zip(*found, strict=True))

    table = Table(title=f"{len(texts)} texts, {megabytes:.1f} MB, one core")
    for heading in ("", "MB/s", "kept"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, took, reasons in zip(("ours", "datatrove"), seconds, found, strict=True):
        table.add_row(name, f"{megabytes / took:.2f}", str(reasons.count(None)))
    console = Console()
    console.print(table)
    ratio = seconds[1] / seconds[0]
    console.print(
        f"ours / datatrove: {ratio:.1f} (goal {GOAL}); both agree on {agreed / len(texts):.1%}"
    )
    for text, a, b in zip(texts, *found, strict=True):
        if (a is None) != (b is None):
            console.print(
                f"  ours: {a}; datatrove: {b}: {' '.join(text.split())[:60]}", markup=False
            )


if __name__ == "__main__":
    main()
