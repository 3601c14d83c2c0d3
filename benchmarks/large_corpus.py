"""What a large corpus costs the stages tokenizer and pack: seconds, and memory.

Run as ``CHATWRIGHT_TEST_DATA=FOLDER python -m benchmarks.large_corpus --megabytes 1000``; there has
to be room on the disk for three times that. The text is that of ``benchmarks.increments``: web
pages whose sentences are drawn at random, so that words come again as in any language that sets
them apart. With ``--runs`` it is Chinese characters drawn at random between commas, so that no
piece of the text comes twice: of Chinese nearly as much is new, and it is this that takes memory.

Each stage is a process of its own, with workers of its own, and looked at twenty times a second.
Expected: no process above 1 GB, whatever there is of text.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.increments import documents, pages
from benchmarks.peak_memory import watched
from tasks.documents import write_dialogues, write_documents
from tasks.pack import pack
from tasks.params import load_params
from tasks.row_tables import without_pandas
from tasks.tokenizer import train_tokenizer

STAGES = ("tokenizer", "pack")
COMMON = [chr(number) for number in range(0x4E00, 0x4E00 + 3_000)]
SHARES = [1 / (place + 2) for place in range(len(COMMON))]
"""Zipf's law, shifted so that the commonest is not every other."""

MEAN_RUN = 9
"""Characters from one punctuation mark to the next."""


def runs(size: int, seed: int) -> Iterator[str]:
    """Texts of about ``size`` bytes in all, of runs that are all different."""
    generator = random.Random(seed)
    while size > 0:
        characters = generator.choices(COMMON, SHARES, k=1_000)
        for place in range(len(characters)):
            if generator.random() < 1 / MEAN_RUN:
                characters[place] = "，"
        text = "".join(characters)
        size -= len(text.encode())
        yield text


def run_stage(stage: str, folder: Path) -> None:
    """Do the work of a stage, as params.yaml says; prints its seconds."""
    params = load_params()
    began = time.perf_counter()
    clean, tokenizer = folder / "clean", folder / "tokenizer"
    if stage == "tokenizer":
        report = train_tokenizer(clean, folder / "dialogues", tokenizer, params.tokenizer)
        print(report.line(), file=sys.stderr)
    else:
        pack(clean, tokenizer, folder / "tokens", params.pack, executor=params.executor)
    print(time.perf_counter() - began)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", action="store_true", help="text of which nothing comes twice")
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    choices = parser.parse_args()
    if choices.stage:
        run_stage(choices.stage[0], Path(choices.stage[1]))
        return
    without_pandas()
    size = choices.megabytes * 1_000_000
    samples = Path(os.environ.get("CHATWRIGHT_TEST_DATA", "CHATWRIGHT_TEST_DATA"))
    with tempfile.TemporaryDirectory(prefix="large-corpus-") as name:
        folder = Path(name)
        texts = runs(size, 1) if choices.runs else pages(samples, size, 1)
        write_documents(documents(texts, "web"), folder / "clean" / "train")
        held_out = runs(10**6, 2) if choices.runs else pages(samples, 10**6, 2)
        for split in ("validation", "test"):
            write_documents(documents(islice(held_out, 100), split), folder / "clean" / split)
        write_dialogues([], folder / "dialogues")
        print(f"| {choices.megabytes:,} MB | seconds | MB/s | MB: the stage | a worker |")
        print("|---|---:|---:|---:|---:|", flush=True)
        for stage in STAGES:
            ended = watched(
                [
                    *(sys.executable, "-m", "benchmarks.large_corpus", "--stage", stage),
                    str(folder),
                ],
                os.environ,
            )
            seconds = float(ended.printed)
            worker = f"{ended.worker_bytes / 1e6:,.0f}" if ended.worker_bytes else "–"
            print(
                f"| {stage} | {seconds:,.1f} | {choices.megabytes / seconds:.1f} "
                f"| {ended.bytes / 1e6:,.0f} | {worker} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
