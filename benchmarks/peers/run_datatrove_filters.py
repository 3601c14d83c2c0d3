"""Runs in datatrove's environment: its four filters on a file of texts, with a verdict for each.

Usage: ``python run_datatrove_filters.py texts.json CORES``; prints JSON: ``seconds``, and
``reasons``, of each text the filter and reason that it goes for, or null. As in its pipelines, a
text passes all filters before the next comes, so that its words are split once, and each of its
processes has a share of the texts.
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
from forked import side_by_side

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


def reasons(texts: list[str]) -> list[str | None]:
    """The same of each."""
    return [reason(text) for text in texts]


def main() -> None:
    """Judge every text; the first one twice, so that loading is not timed."""
    with open(sys.argv[1], encoding="utf-8") as file:
        texts = json.load(file)
    reason(texts[0] + " ")
    cores = int(sys.argv[2])
    start = time.perf_counter()
    found: list[str | None] = [None] * len(texts)
    shares = side_by_side(reasons, [(texts[rank::cores],) for rank in range(cores)])
    for rank, share in enumerate(shares):
        found[rank::cores] = share
    print(json.dumps({"seconds": time.perf_counter() - start, "reasons": found}))


if __name__ == "__main__":
    main()
