"""What a change costs: preprocess anew, with one per cent more documents, with a filter changed.

Run as ``CHATWRIGHT_TEST_DATA=FOLDER python -m benchmarks.increments``, with a folder of samples of
which ``web/c4_demo.jsonl`` is taken: 300 web pages, whose sentences are drawn at random into pages
of 25, every fifth of which is a copy of an earlier one in which one word in 200 is another. So
there is as much to clean, filter and compare as in a crawl of that size. All filters are on, and
the search for personal data and near duplicates.

Each run is a process of its own, with workers of its own. The times are those on the clock from
before it reads to after it has written, and those of all its processes on the processor, which
hardly depend on what else the machine does; the memory is what is resident of the stage's process
and of the largest worker, looked at twenty times a second.

The new documents come in two ways: as another source or a later crawl does, with ids of their own
that stand together; and scattered among those that are there. "New" is the share of the bytes of
all files that the stage wrote which stand in files that the run before did not write: what DVC has
to keep and send of this version.

Expected: 1 % of new documents at most 3 % of the full time; no process above 1 GB, whatever there
is of text.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peak_memory import watched
from chatwright.errors import MissingInput
from tasks.documents import Document, write_documents

SENTENCES = 25
FILTERS = ["gopher-repetition", "gopher-quality", "c4", "fineweb"]
PARAMS = {
    "min_characters": 20,
    "normalize_widths": True,
    "personal_data": ["email", "phone", "ip", "card", "iban", "china_id", "us_ssn"],
    "near_duplicates": {"jaccard": 0.8},
    "filters": FILTERS,
    "validation_share": 0.02,
    "test_share": 0.05,
}
OTHER_LIMIT = {"quality": {"gopher_quality": {"min_words": 60}}}
OTHER_LINES = {"quality": {"c4": {"min_line_words": 4}}}
"""C4's filter takes other lines out, so that what follows it has other texts."""
CHILD = """
import json, os, sys, time
from pathlib import Path

from tasks.params import PreprocessParams
from tasks.params_executor import ExecutorParams
from tasks.preprocess.preprocess import preprocess
from tasks.row_tables import without_pandas


if __name__ == "__main__":
    without_pandas()  # as the stage does
    raw, out, kept = map(Path, sys.argv[1:4])
    params = PreprocessParams.model_validate(json.loads(sys.argv[4]))
    workers = ExecutorParams(workers=json.loads(sys.argv[5]))
    began = time.perf_counter()
    report = preprocess(
        raw, out / "clean", out / "rejected", params, kept=kept, executor=workers
    )
    seconds = time.perf_counter() - began
    used = sum(os.times()[:4])  # with the imports, and the workers, which have ended
    print(
        json.dumps(
            {"seconds": seconds, "used": used, "work": str(report.work)}
        )
    )
"""


def pages(samples: Path, size: int, seed: int) -> Iterator[str]:
    """Texts of about ``size`` bytes in all.

    Raises:
        MissingInput: the sample is not there.
    """
    path = samples / "web" / "c4_demo.jsonl"
    if not path.exists():
        raise MissingInput(str(path), "is not there", "Set CHATWRIGHT_TEST_DATA to the samples")
    sentences = sorted(
        {
            " ".join(sentence.split())
            for line in path.read_text(encoding="utf-8").splitlines()
            for sentence in re.split(r"(?<=[.!?])\s+", json.loads(line)["text"])
            if len(sentence) > 30
        }
    )
    generator = random.Random(seed)
    earlier: list[str] = []
    number = 0
    while size > 0:
        if number % 5 == 4:
            words = generator.choice(earlier).split(" ")
            for _ in range(len(words) // 200 + 1):
                words[generator.randrange(len(words))] = generator.choice(sentences).split(" ")[0]
            text = " ".join(words)
        else:
            text = "\n".join(generator.choices(sentences, k=SENTENCES))
            earlier = [*earlier[-999:], text]
        number += 1
        size -= len(text.encode())
        yield text


def documents(texts: Iterator[str], source: str, tail: str = "") -> Iterator[Document]:
    """Texts as documents of a source; ``tail`` makes their ids others."""
    for number, text in enumerate(texts):
        name = blake2b(str(number).encode(), digest_size=8).hexdigest()
        yield Document(f"{source}/{name}{tail}", source, "Page", text, "en")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What a change costs in the stage preprocess.")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--workers", default="auto")
    parser.add_argument(
        "--together", action="store_true", help="only the first three: all, again, 1 % together"
    )
    choices = parser.parse_args()
    samples = Path(os.environ.get("CHATWRIGHT_TEST_DATA", "CHATWRIGHT_TEST_DATA"))
    size = choices.megabytes * 1_000_000
    workers = choices.workers if choices.workers == "auto" else int(choices.workers)
    table = Table(title=f"{choices.megabytes} MB of text", title_justify="left")
    columns = ("seconds", "of all", "processor", "of all", "MB: stage", "a worker", "new")
    for column in ("", *columns, "work"):
        table.add_column(column, justify="right" if column in columns else "left")
    with tempfile.TemporaryDirectory(prefix="increments-") as name:
        folder = Path(name)
        (folder / "child.py").write_text(CHILD)
        known: dict[bytes, int] = {}

        def measured(what: str, params: dict[str, object], full: Any) -> Any:
            ended = watched(
                [
                    *(sys.executable, str(folder / "child.py"), str(folder / "raw")),
                    *(str(folder / "out"), str(folder / "kept")),
                    *(json.dumps(params), json.dumps(workers)),
                ],
                {**os.environ, "PYTHONPATH": str(Path.cwd())},
            )
            done = json.loads(ended.printed)
            files = [path for path in (folder / "out").rglob("*") if path.is_file()]
            there = {blake2b(path.read_bytes()).digest(): path.stat().st_size for path in files}
            new = sum(size for content, size in there.items() if content not in known)
            known.clear()
            known.update(there)
            table.add_row(
                what,
                f"{done['seconds']:.1f}",
                f"{done['seconds'] / (full or done)['seconds']:.1%}",
                f"{done['used']:.1f}",
                f"{done['used'] / (full or done)['used']:.1%}",
                *(f"{taken / 1e6:,.0f}" for taken in (ended.bytes, ended.worker_bytes)),
                f"{new / sum(there.values()):.1%}",
                done["work"],
            )
            return done

        write_documents(documents(pages(samples, size, 1), "web"), folder / "raw" / "web")
        full = measured("all of it", PARAMS, None)
        measured("again", PARAMS, full)
        new = pages(samples, size // 100, 2)
        write_documents(documents(new, "web2"), folder / "raw" / "web2")
        measured("1 % more, together", PARAMS, full)
        if not choices.together:
            new = pages(samples, size // 100, 3)
            write_documents(documents(new, "web", "-new"), folder / "raw" / "new")
            measured("1 % more, scattered", PARAMS, full)
            measured("a filter's limit changed", {**PARAMS, **OTHER_LIMIT}, full)
            measured("C4's lines changed", {**PARAMS, **OTHER_LINES}, full)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
