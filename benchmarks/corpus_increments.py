"""What one per cent more text costs a user who builds again: ingest and preprocess, as they run.

Run as ``CHATWRIGHT_TEST_DATA=FOLDER python -m benchmarks.corpus_increments``. The pages and the
choices are those of ``benchmarks.increments``; the pages stand in JSONL files of 200, the new ones
in a folder of their own. Each stage is a process with as many workers as there are cores. Printed
are seconds of the clock, and of the processor for all processes, the start of Python included.

Expected: 1 % of new documents at most 3 % of the full time.
"""

import argparse
import json
import os
import tempfile
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from benchmarks.increments import PARAMS, pages
from benchmarks.ingest_increments import ROOT, run

PAGES = 200
"""In a file."""

STAGES = ("ingest", "preprocess")


def write_pages(folder: Path, samples: Path, size: int, seed: int) -> None:
    """Write pages of about ``size`` bytes in all as JSONL."""
    folder.mkdir(parents=True)
    found = pages(samples, size, seed)
    number = 0
    while some := list(islice(found, PAGES)):
        lines = [json.dumps({"text": text}) + "\n" for text in some]
        (folder / f"{number:05d}.jsonl").write_text("".join(lines), encoding="utf-8")
        number += 1


def write_params(project: Path) -> None:
    """The default ones, with the folder as the only source and the choices of preprocess."""
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["ingest"]["sources"] = ["folder"]
    params["preprocess"] |= PARAMS
    params["evaluate"]["questions"] = str(ROOT / params["evaluate"]["questions"])
    yaml.dump(params, project / "params.yaml")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    size = parser.parse_args().megabytes * 1_000_000
    samples = Path(os.environ.get("CHATWRIGHT_TEST_DATA", "CHATWRIGHT_TEST_DATA"))
    table = Table(title=f"{size // 1_000_000} MB of text", title_justify="left")
    for column in ("", *(f"{stage}, {of}" for stage in STAGES for of in ("s", "processor"))):
        table.add_column(column, justify="right")
    for column in ("both", "of all", "processor", "of all"):
        table.add_column(column, justify="right")
    # What ships to MLflow may still write there.
    with tempfile.TemporaryDirectory(prefix="increments-", ignore_cleanup_errors=True) as name:
        project = Path(name)
        write_params(project)
        full: tuple[float, float] | None = None
        for what, folder, amount in (
            ("all of it", "web", size),
            ("again", None, 0),
            ("1 % more", "web2", size // 100),
        ):
            if folder is not None:
                write_pages(project / "corpus" / folder, samples, amount, seed=len(folder))
            each = [run(project, module=f"tasks.{stage}") for stage in STAGES]
            seconds, used = (sum(part) for part in zip(*each, strict=True))
            full = full or (seconds, used)
            table.add_row(
                what,
                *(f"{number:.1f}" for stage in each for number in stage),
                *(f"{seconds:.1f}", f"{seconds / full[0]:.1%}"),
                *(f"{used:.1f}", f"{used / full[1]:.1%}"),
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
