"""The quality filters against datatrove's: megabytes a second, and how often both agree.

Run as ``python -m benchmarks.quality_filters FILE ...`` from the project's folder, with JSONL files
of web text (a field ``text``, .gz or not). Both judge the same texts, each all four sets (Gopher
repetition, Gopher quality, C4, FineWeb) one after the other with the published limits, and stop at
the first that rejects. They take turns, and the median of the seconds counts; on one core, and on
two with a process on each. Ours are started anew each time, datatrove's are forked. ``--times``
takes the texts so often that the start hardly tells; none of either remembers a text.

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

from benchmarks.on_cores import one_and_two
from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import ServiceUnavailable
from tasks.executor import ordered_map, workers
from tasks.params_executor import ExecutorParams
from tasks.preprocess.quality.judgement import filtered
from tasks.quality_params import QualityParams

GOAL = 5.0
FILTERS = ("gopher-repetition", "gopher-quality", "c4", "fineweb")
LIMITS = QualityParams()
AT_ONCE = 100
"""So many texts a process gets at a time."""


def texts_of(paths: list[Path]) -> list[str]:
    """The texts of JSONL files, in order."""
    texts = []
    for path in paths:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8") as file:
            texts += [json.loads(line)["text"] for line in file]
    return [text for text in texts if text.strip()]


def reasons_of(texts: list[str]) -> list[str | None]:
    """The reason for each text."""
    return [filtered(text, "en", FILTERS, LIMITS)[1] for text in texts]


def ours(texts: list[str], cores: int) -> tuple[float, list[str | None]]:
    """Seconds, and the reason for each text."""
    portions = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
    start = time.perf_counter()
    with workers(ExecutorParams(workers=cores), text_bytes=sum(map(len, texts))) as at_work:
        reasons = [each for some in ordered_map(at_work, reasons_of, portions) for each in some]
    return time.perf_counter() - start, reasons


def theirs(texts: Path, cores: int) -> tuple[float, list[str | None]]:
    """The same of datatrove, in its own environment."""
    script = HERE / "run_datatrove_filters.py"
    command = [str(python_of("datatrove")), str(script), str(texts), str(cores)]
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
    parser.add_argument("--times", type=int, default=10, help="take the texts so often")
    arguments = parser.parse_args()
    once = texts_of(arguments.files)
    texts = once * arguments.times
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    table = Table(title=f"{len(once)} texts {arguments.times} times, {megabytes:.1f} MB")
    for heading in ("cores", "ours, MB/s", "datatrove, MB/s", "ratio", "ours kept", "theirs"):
        table.add_column(heading, justify="right")
    found: tuple[list[str | None], ...] = ()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        for cores in one_and_two():
            turns = [(ours(texts, cores), theirs(file, cores)) for _ in range(arguments.turns)]
            seconds = [statistics.median(turn[who][0] for turn in turns) for who in (0, 1)]
            found = turns[0][0][1][: len(once)], turns[0][1][1][: len(once)]
            rates = [f"{megabytes / took:.2f}" for took in seconds]
            kept = [str(reasons.count(None)) for reasons in found]
            table.add_row(str(cores), *rates, f"{seconds[1] / seconds[0]:.1f}", *kept)
    agreed = sum((a is None) == (b is None) for a, b in zip(*found, strict=True))
    console = Console()
    console.print(table)
    console.print(f"goal {GOAL}; both agree on {agreed / len(once):.1%}")
    for text, a, b in zip(once, *found, strict=True):
        if (a is None) != (b is None):
            console.print(
                f"  ours: {a}; datatrove: {b}: {' '.join(text.split())[:60]}", markup=False
            )


if __name__ == "__main__":
    main()
