"""Near duplicates by MinHash: ours against datatrove's, same texts, same parameters, same clusters.

Run as ``python -m benchmarks.near_duplicates`` from the folder of a built project. The texts are
made of sentences of its corpus, drawn at random; every fifth is a copy of an earlier one in which
one word in 200 is another, a Jaccard of about 0.95. At that a common key is certain (with 14 bands
of 8, datatrove's choice, one pair in ten million has none), so both should find the same clusters,
although they take their random orders from different numbers.

Both run in one process on one core, texts in memory. Timed in seconds of the processor, which
hardly depend on what else the machine does. Ours is timed a second time with what a build does by
default: 20 bands of 6, and each pair compared by its shingles.

Expected: ours 50 times as fast or more, with no document in another cluster.
"""

import argparse
import json
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peers.install import python_of
from chatwright.errors import MissingInput, ServiceUnavailable
from tasks.documents import read_documents
from tasks.params import NearDuplicatesParams
from tasks.preprocess.near_duplicates import clusters
from tasks.preprocess.word_hashes import hashed_words

PARAMS = NearDuplicatesParams(jaccard=None, shingle=5, bands=14, rows=8)
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


def ours(texts: list[str], params: NearDuplicatesParams) -> tuple[list[int], float, float]:
    """The first text of each text's cluster; seconds on the wall, and of the processor."""
    hashed_words(["its tables are made before the clock starts"])
    wall, processor = time.perf_counter(), time.process_time()
    found = clusters(texts, params)
    return found.tolist(), time.perf_counter() - wall, time.process_time() - processor


def datatrove(texts: list[str], params: NearDuplicatesParams) -> tuple[list[int], float, float]:
    """The same by datatrove.

    Raises:
        ServiceUnavailable: it could not be installed, or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        job, lines, result = (Path(folder, name) for name in ("job", "texts", "result"))
        lines.write_text("\n".join(map(json.dumps, texts)), encoding="utf-8")
        told = {"texts": str(lines), "result": str(result), "language": "eng_Latn"}
        job.write_text(json.dumps({**told, **params.model_dump()}), encoding="utf-8")
        done = subprocess.run(
            [str(python_of("datatrove")), "-P", str(CHILD), str(job)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ServiceUnavailable("datatrove", f"failed: {done.stderr[-300:].strip()}")
        answer = json.loads(result.read_text("utf-8"))
    return answer["firsts"], *answer["seconds"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=Path("data/clean"))
    parser.add_argument("--megabytes", type=float, default=200, help="of text")
    options = parser.parse_args()
    texts = made_texts(options.corpus, int(options.megabytes * 1e6))
    megabytes = sum(len(text.encode()) for text in texts) / 1e6

    rows = {
        "datatrove, 14 bands of 8": datatrove(texts, PARAMS),
        "ours, 14 bands of 8": ours(texts, PARAMS),
        "ours, 20 bands of 6, compared": ours(texts, NearDuplicatesParams()),
    }
    theirs, _, their_seconds = next(iter(rows.values()))
    table = Table(title=f"{len(texts):,} texts, {megabytes:.0f} MB")
    for name in ("", "wall s", "processor s", "MB/s", "times", "left out", "in another cluster"):
        table.add_column(name, justify="right" if name else "left")
    for name, (firsts, wall, processor) in rows.items():
        left_out = sum(first != place for place, first in enumerate(firsts))
        table.add_row(
            name,
            f"{wall:.1f}",
            f"{processor:.1f}",
            f"{megabytes / processor:.1f}",
            f"{their_seconds / processor:.1f}",
            f"{left_out:,}",
            f"{np.count_nonzero(np.array(firsts) != np.array(theirs)):,}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
