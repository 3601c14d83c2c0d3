"""Tokenising and packing to disk, against datatrove's DocumentTokenizer: megabytes a second.

Run as ``python -m benchmarks.tokenising FILE ...`` from the project's folder: JSONL files with a
field ``text``, or plain text, .gz or not; on one core and on two. Both have the same texts and the
same tokenizer, trained on them first, and take turns; the median counts.

Not the same work, and where they differ, ours does more: it reads Parquet where datatrove has the
texts in memory, and starts its processes within the time; it writes rows, documents whole, with the
position of each token; datatrove writes the tokens one after the other. Both shuffle the documents.
Ours remembers some megabytes of words, so text that is repeated, as with ``--times``, flatters it:
give it different text, where there is enough. What looks like a special token is taken apart in all
texts: datatrove would make it one, ours text.
"""

import argparse
import gzip
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.on_cores import one_and_two
from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import ServiceUnavailable
from tasks.documents import Document, write_dialogues, write_documents
from tasks.pack import pack
from tasks.params import PackParams, TokenizerParams
from tasks.tokenizer import train_tokenizer

GOAL = 2.0
CONTEXT_LENGTH = 1024
LINES = 40
"""Of plain text, so many make a document."""


def texts_of(path: Path) -> Iterator[str]:
    """The documents of a file."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        if ".jsonl" in path.suffixes:
            yield from (json.loads(line)["text"] for line in file)
            return
        lines = file.read().splitlines(keepends=True)
    for start in range(0, len(lines), LINES):
        yield "".join(lines[start : start + LINES])


def ours(folder: Path) -> tuple[float, int]:
    """Seconds, and tokens without the two that stand around each document."""
    start = time.perf_counter()
    report = pack(
        folder / "clean",
        folder / "tokenizer",
        folder / "tokens",
        PackParams(context_length=CONTEXT_LENGTH),
    )
    seconds = time.perf_counter() - start
    return seconds, report.train.tokens - 2 * report.train.documents


def theirs(folder: Path, processes: int, documents: int) -> tuple[float, int]:
    """The same of datatrove, in its own environment."""
    job = {
        "texts": str(folder / "texts.jsonl"),
        "tokenizer": str(folder / "tokenizer" / "tokenizer.json"),
        "processes": processes,
        "result": str(folder / "result.json"),
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    script = str(HERE / "run_datatrove_tokens.py")
    command = [str(python_of("datatrove")), script, str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServiceUnavailable("datatrove", " ".join(done.stderr.split())[-300:])
    told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return told["seconds"], told["tokens"] - documents


def prepare(folder: Path, texts: list[str], vocab_size: int) -> None:
    """Write the texts for both, and the tokenizer."""
    documents = [
        Document(id=f"folder/{n:07d}", source="folder", title=str(n), text=text, lang="en")
        for n, text in enumerate(texts)
    ]
    for split, some in (("train", documents), ("validation", []), ("test", [])):
        write_documents(some, folder / "clean" / split)
    write_dialogues([], folder / "dialogues")
    lines = "\n".join(map(json.dumps, texts))
    (folder / "texts.jsonl").write_text(lines, encoding="utf-8")
    train_tokenizer(
        folder / "clean",
        folder / "dialogues",
        folder / "tokenizer",
        TokenizerParams(vocab_size=vocab_size),
    )


def main() -> None:
    """Take turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", type=Path, help="JSONL with a field text, or text")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--vocab-size", type=int, default=16_384)
    parser.add_argument("--times", type=int, default=1, help="take the texts so often")
    arguments = parser.parse_args()
    found = chain.from_iterable(map(texts_of, arguments.files))
    texts = [text.replace("<|", "< |") for text in found if text.strip()] * arguments.times
    megabytes = sum(len(text.encode()) for text in texts) / 1e6

    table = Table(
        title=f"{len(texts):,} texts, {megabytes:.1f} MB, {arguments.vocab_size:,} tokens"
    )
    for heading in ("cores", "ours, MB/s", "datatrove, MB/s", "ratio"):
        table.add_column(heading, justify="right")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, texts, arguments.vocab_size)
        for cores in one_and_two():
            turns = [
                (ours(folder), theirs(folder, cores, len(texts))) for _ in range(arguments.turns)
            ]
            if turns[0][0][1] != turns[0][1][1]:
                raise SystemExit(f"not the same tokens: {turns[0][0][1]} and {turns[0][1][1]}")
            seconds = [statistics.median(turn[who][0] for turn in turns) for who in (0, 1)]
            rates = [f"{megabytes / each:.2f}" for each in seconds]
            table.add_row(str(cores), *rates, f"{seconds[1] / seconds[0]:.1f}")
    console = Console()
    console.print(table)
    console.print(f"goal: {GOAL}; the same tokens on both sides")


if __name__ == "__main__":
    main()
