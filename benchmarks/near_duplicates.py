"""Near duplicates by MinHash: ours against datatrove's, same texts, same parameters, same clusters.

Run as ``python -m benchmarks.near_duplicates`` from the folder of a built project. The texts are
made of sentences of its corpus, drawn at random; every fifth is a copy of an earlier one in which
one word in 200 is another, a Jaccard of about 0.95. At that a common key is certain (with 14 bands
of 8, datatrove's choice, one pair in ten million has none), so both should find the same clusters,
although they take their random orders from different numbers.

Texts are in memory. Both run in one process on one core, and on two as far as each does in a
build: ours makes keys in two processes, which are started for it, and clusters in one; datatrove
signs and sorts in two, which are forked. Seconds are those on the clock. Ours is timed a second
time with what a build does by default: 20 bands of 6, and each pair compared by its shingles, in
one process.

Expected: ours 50 times as fast or more, with no document in another cluster.
"""

import argparse
import json
import random
import re
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.on_cores import one_and_two
from benchmarks.peers.install import python_of
from chatwright.errors import MissingInput, ServiceUnavailable
from tasks.documents import read_documents
from tasks.executor import ordered_map, workers
from tasks.params import NearDuplicatesParams
from tasks.params_executor import ExecutorParams
from tasks.preprocess.minhash import BandKeys, band_keys, similarities
from tasks.preprocess.near_duplicates import cluster_firsts, clusters
from tasks.preprocess.word_hashes import hashed_words

PARAMS = NearDuplicatesParams(jaccard=None, shingle=5, bands=14, rows=8)
AT_ONCE = 400
"""So many texts a process gets at a time."""

SENTENCES = 25
CHILD = Path(__file__).parent / "peers" / "run_datatrove_minhash.py"


def made_texts(corpus: Path, size: int) -> list[str]:
    """Texts of about ``size`` bytes in all, a fifth of them copies with changes.

    Raises:
        MissingInput: there is no corpus; it is named.
    """
    generator = random.Random(1)
    sentences = [
        " ".join(sentence.split())
        for document in read_documents(corpus)
        for sentence in re.split(r"(?<=[.!?])\s+", document.text)
        if len(sentence) > 30
    ]
    if not sentences:
        raise MissingInput(str(corpus), "holds no sentences", "Name a folder with --corpus")
    vocabulary = sorted({word for sentence in sentences for word in sentence.split()})
    texts: list[str] = []
    while size > 0:
        if len(texts) % 5 == 4:
            words = generator.choice(texts).split(" ")
            for place in range(generator.randrange(200), len(words), 200):
                words[place] = generator.choice(vocabulary)
            texts.append(" ".join(words))
        else:
            texts.append(" ".join(generator.choices(sentences, k=SENTENCES)))
        size -= len(texts[-1].encode())
    return texts


def ours(texts: list[str], cores: int) -> tuple[list[int], float]:
    """The first text of each text's cluster, and the seconds it took."""
    hashed_words(["its tables are made before the clock starts"])
    start = time.perf_counter()
    if cores == 1:
        return clusters(texts, PARAMS).tolist(), time.perf_counter() - start
    portions = [texts[first : first + AT_ONCE] for first in range(0, len(texts), AT_ONCE)]
    make = partial(band_keys, shingle=PARAMS.shingle, bands=PARAMS.bands, rows=PARAMS.rows)
    with workers(ExecutorParams(workers=cores), text_bytes=sum(map(len, texts))) as at_work:
        parts = list(ordered_map(at_work, make, portions))
    keys = BandKeys(
        np.concatenate([part.keys for part in parts], axis=1),
        np.concatenate([part.has_words for part in parts]),
    )
    compared = partial(similarities, texts, shingle=PARAMS.shingle)  # not asked: a key is enough
    firsts = cluster_firsts(keys, compared, PARAMS.jaccard)
    return firsts.tolist(), time.perf_counter() - start


def ours_compared(texts: list[str]) -> tuple[list[int], float]:
    """The same as a build does it by default, on one core."""
    start = time.perf_counter()
    return clusters(texts, NearDuplicatesParams()).tolist(), time.perf_counter() - start


def datatrove(texts: list[str], cores: int) -> tuple[list[int], float]:
    """The same by datatrove.

    Raises:
        ServiceUnavailable: it could not be installed, or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, lines, result = (Path(folder, name) for name in ("job", "texts", "result"))
        lines.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
        told = {"texts": str(lines), "result": str(result), "language": "eng_Latn"}
        job.write_text(
            json.dumps({**told, **PARAMS.model_dump(), "cores": cores}), encoding="utf-8"
        )
        done = subprocess.run(
            [str(python_of("datatrove")), str(CHILD), str(job)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServiceUnavailable("datatrove", f"failed: {done.stderr[-300:].strip()}")
        answer = json.loads(result.read_text("utf-8"))
    return answer["firsts"], answer["seconds"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=Path("data/clean"))
    parser.add_argument("--megabytes", type=float, default=200, help="of text")
    options = parser.parse_args()
    texts = made_texts(options.corpus, int(options.megabytes * 1e6))
    megabytes = sum(len(text.encode()) for text in texts) / 1e6

    table = Table(title=f"{len(texts):,} texts, {megabytes:.0f} MB")
    for name in ("cores", "", "seconds", "MB/s", "times", "left out", "in another cluster"):
        table.add_column(name, justify="right" if name else "left")
    for cores in one_and_two():
        rows = {
            "datatrove, 14 bands of 8": datatrove(texts, cores),
            "ours, 14 bands of 8": ours(texts, cores),
        }
        if cores == 1:
            rows["ours, 20 bands of 6, compared"] = ours_compared(texts)
        theirs, their_seconds = next(iter(rows.values()))
        for name, (firsts, seconds) in rows.items():
            left_out = sum(first != place for place, first in enumerate(firsts))
            table.add_row(
                str(cores),
                name,
                f"{seconds:.1f}",
                f"{megabytes / seconds:.1f}",
                f"{their_seconds / seconds:.1f}",
                f"{left_out:,}",
                f"{np.count_nonzero(np.array(firsts) != np.array(theirs)):,}",
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
