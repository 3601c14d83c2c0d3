"""Child process: datatrove from WARC to text. ``python run_datatrove_warc.py JOB.json``.

Its own reader and filters, one after the other for each page as in its pipelines, each of its
processes with a share of the files: its extractor's sandbox, one more process, is left out, which
is to its advantage. The extractor is resiliparse's main content, as ours, or its own choice,
trafilatura.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import WarcReader
from datatrove.utils.logging import logger
from forked import side_by_side
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree


def with_resiliparse(html: str) -> str:
    """The text as this project's reader of HTML takes it."""
    tree = HTMLTree.parse(html)
    return extract_plain_text(tree, main_content=True) or extract_plain_text(tree)


def read(job: dict[str, str], rank: int, ranks: int) -> tuple[int, int, int]:
    """How many pages one process has read, kept and failed at."""
    extract = {"resiliparse": with_resiliparse, "trafilatura": Trafilatura().extract}
    text_of = extract[job["extractor"]]
    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(),
        FineWebQualityFilter(),
    ]
    pages = kept = failed = 0
    reader = WarcReader(job["folder"], glob_pattern=job["files"])
    for document in reader.run(rank=rank, world_size=ranks):
        pages += 1
        try:
            document.text = text_of(document.text)
        except Exception:  # as its own extractor does: the page is skipped
            failed += 1
            continue
        kept += bool(document.text) and all(each.filter(document) is True for each in filters)
    return pages, kept, failed


def main() -> None:
    """Write the seconds, and how many pages were read and kept."""
    logger.remove()
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    ranks = job["cores"]
    start = time.perf_counter()
    shares = side_by_side(read, [(job, rank, ranks) for rank in range(ranks)])
    seconds = time.perf_counter() - start
    pages, kept, failed = map(sum, zip(*shares, strict=True))
    result = {"seconds": seconds, "pages": pages, "kept": kept, "failed": failed}
    Path(job["result"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
