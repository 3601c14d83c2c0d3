"""Child process: datatrove from WARC to text. ``python -P run_datatrove_warc.py JOB.json``.

Its own reader and filters, one after the other for each page as in its pipelines, in this process:
its extractor's sandbox, a process beside this one, is left out, which is to its advantage on one
core. The extractor is resiliparse's main content, as ours, or its own choice, trafilatura.
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
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree


def with_resiliparse(html: str) -> str:
    """The text as this project's reader of HTML takes it."""
    tree = HTMLTree.parse(html)
    return extract_plain_text(tree, main_content=True) or extract_plain_text(tree)


def main() -> None:
    """Write the seconds, and how many pages were read and kept."""
    logger.remove()
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    extract = {"resiliparse": with_resiliparse, "trafilatura": Trafilatura().extract}
    text_of = extract[job["extractor"]]
    filters = [
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        C4QualityFilter(),
        FineWebQualityFilter(),
    ]
    pages = kept = failed = 0
    start = time.perf_counter()
    for document in WarcReader(job["folder"], glob_pattern=job["file"]).run():
        pages += 1
        try:
            document.text = text_of(document.text)
        except Exception:  # as its own extractor does: the page is skipped
            failed += 1
            continue
        kept += bool(document.text) and all(each.filter(document) is True for each in filters)
    seconds = time.perf_counter() - start
    result = {"seconds": seconds, "pages": pages, "kept": kept, "failed": failed}
    Path(job["result"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
