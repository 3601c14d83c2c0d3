"""Runs in datatrove's environment: its four filters on a file of texts, with a verdict for each.

Usage: ``python run_datatrove_filters.py texts.json``; prints JSON: ``seconds``, and ``reasons``, of
each text the filter and reason that it goes for, or null. As in its pipelines, a text passes all
filters before the next comes, so that its words are split once.
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

FILTERS = {
    "gopher-repetition": GopherRepetitionFilter(),
    "gopher-quality": GopherQualityFilter(),
    "c4": C4QualityFilter(),
    "fineweb": FineWebQualityFilter(),
}


def reason(text: str) -> str | None:
    """Why a text goes, or None."""
    document = Document(text=text, id="")
    for name, each in FILTERS.items():
        verdict = each.filter(document)
        if verdict is not True:
            return f"{name}: {verdict[1] if isinstance(verdict, tuple) else verdict}"
    return None


def main() -> None:
    """Judge every text; the first one twice, so that loading is not timed."""
    with open(sys.argv[1], encoding="utf-8") as file:
        texts = json.load(file)
    reason(texts[0] + " ")
    start = time.process_time()
    reasons = [reason(text) for text in texts]
    print(json.dumps({"seconds": time.process_time() - start, "reasons": reasons}))


if __name__ == "__main__":
    main()
