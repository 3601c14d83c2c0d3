"""Text out of HTML: which library keeps the text and leaves the rest, and how fast.

Run as ``python -m benchmarks.html_extraction FOLDER`` from the project's folder; the folder is the
test data's ``web``. Four pages have snippets, written down by hand, that belong to their text or do
not (``data/page_snippets.json``), as trafilatura's own evaluation has them. Recall is the share of
the words of those that belong that is found; precision, the share of all found that belongs.
Four pages say little: what is counted is 42 snippets that belong and 34 that do not.

The speed is that on these pages and all those of the folder's sample of Common Crawl.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import HERE
from benchmarks.peers.install import python_of
from chatwright.errors import ServiceUnavailable
from tasks.ingest.http_response import response, status_of
from tasks.ingest.text_encoding import decode
from tasks.ingest.warc import WarcRecord, warc_records

SNIPPETS = HERE.parent / "data" / "page_snippets.json"
SAMPLE = "cc-sample.warc.lz4"
LONGEST = 10**8


def pages_of(path: Path) -> list[str]:
    """The pages of an archive, or the page that a file is, decoded."""
    if path.suffix == ".html":
        return [decode(path.read_bytes(), declared_in_html=True).text]
    with path.open("rb") as file:
        packed = path.suffix == ".lz4"
        stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "lz4") if packed else file
        found = list(warc_records(stream.read, LONGEST))
    blocks = [each.block for each in found if isinstance(each, WarcRecord)]
    answers = [response(each, LONGEST, 200) for each in blocks if status_of(each)]
    pages = [each for each in answers if each.mime == "text/html"]
    return [decode(each.body, declared_in_html=True, charset=each.charset).text for each in pages]


def judged(texts: dict[str, str], snippets: dict[str, dict[str, list[str]]]) -> tuple[float, float]:
    """Precision and recall, by words."""
    found = {"with": 0, "without": 0}
    wanted = 0
    for page, groups in snippets.items():
        text = " ".join(texts[page].split())
        for group, each in ((group, each) for group, all_ in groups.items() for each in all_):
            words = len(each.split())
            wanted += words * (group == "with")
            found[group] += words * (each in text)
    all_found = sum(found.values())
    return (found["with"] / all_found if all_found else 0.0), found["with"] / wanted


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="the test data's web")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    snippets = json.loads(SNIPPETS.read_text(encoding="utf-8"))
    judged_pages = {name: pages_of(arguments.folder / name)[0] for name in snippets}
    pages = [*judged_pages.values(), *pages_of(arguments.folder / SAMPLE)]
    megabytes = sum(len(page.encode()) for page in pages) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        job, result = Path(folder, "job.json"), Path(folder, "result.json")
        told = {"pages": pages, "judged": judged_pages, "turns": arguments.turns}
        job.write_text(json.dumps({**told, "result": str(result)}), encoding="utf-8")
        command = [str(python_of("extractors")), "-P", str(HERE / "run_extractors.py"), str(job)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ServiceUnavailable("extractors", " ".join(done.stderr.split())[-300:])
        rows = json.loads(result.read_text("utf-8"))

    table = Table(title=f"{len(snippets)} pages judged; speed on {len(pages)}, {megabytes:.1f} MB")
    for heading in ("", "precision", "recall", "F1", "MB/s"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, row in rows.items():
        precision, recall = judged(row["texts"], snippets)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        speed = megabytes / row["seconds"]
        table.add_row(name, f"{precision:.2f}", f"{recall:.2f}", f"{f1:.2f}", f"{speed:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
