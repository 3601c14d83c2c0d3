"""Child process: text out of HTML by several libraries. ``python -P run_extractors.py JOB.json``.

Writes for each library its texts of the pages that are judged, and the seconds that all pages took
(the median of the turns, one process time after the other).
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import justext
import readability
import trafilatura
from bs4 import BeautifulSoup
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

STOP_WORDS = justext.get_stoplist("English")


def ours(html: str) -> str:
    """As the project does it: the main content, or all where there is none."""
    tree = HTMLTree.parse(html)
    return extract_plain_text(tree, main_content=True) or extract_plain_text(tree)


def all_of(html: str) -> str:
    """Resiliparse without looking for the main content."""
    return extract_plain_text(HTMLTree.parse(html))


def with_readability(html: str) -> str:
    """Mozilla's idea of the article, in Python."""
    return BeautifulSoup(readability.Document(html).summary(), "lxml").get_text(" ")


def with_justext(html: str) -> str:
    """The paragraphs that are no boilerplate."""
    found = justext.justext(html.encode(), STOP_WORDS, encoding="utf-8")
    return "\n".join(each.text for each in found if not each.is_boilerplate)


EXTRACTORS: dict[str, Callable[[str], str | None]] = {
    "resiliparse, main content": ours,
    "resiliparse, all": all_of,
    "trafilatura": trafilatura.extract,
    "trafilatura, recall": lambda html: trafilatura.extract(html, favor_recall=True),
    "readability-lxml": with_readability,
    "jusText": with_justext,
    "BeautifulSoup, all": lambda html: BeautifulSoup(html, "lxml").get_text(" "),
}


def attempt(extract: Callable[[str], str | None], html: str) -> str:
    """The text; none where the library gives up, as some do on an empty page."""
    try:
        return extract(html) or ""
    except Exception:
        return ""


def main() -> None:
    """Every library on every page."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    seconds: dict[str, list[float]] = {name: [] for name in EXTRACTORS}
    for _ in range(job["turns"]):
        for name, extract in EXTRACTORS.items():
            start = time.perf_counter()
            for html in job["pages"]:
                attempt(extract, html)
            seconds[name].append(time.perf_counter() - start)
    result = {
        name: {
            "texts": {key: attempt(extract, html) for key, html in job["judged"].items()},
            "seconds": statistics.median(seconds[name]),
        }
        for name, extract in EXTRACTORS.items()
    }
    Path(job["result"]).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main()
