"""How well a document answers a question: the features, their weights, the calibrated score.

Search (``serving/retrieval.py``) gathers candidates and measures each by the features below. Their
weighted sum orders the candidates; a logistic function of that sum and of what the question asks
for that no document knows gives the score, the probability that the document fits.

The weights were fitted by ``benchmarks/grounding.py --fit`` on questions written by hand about
Python's documentation (``benchmarks/data/grounding_dev.jsonl``). None of them knows a name: a
corpus without kinds or counts of use has those features at zero and is ranked by the rest.
"""

import math
from dataclasses import dataclass

import numpy as np

FEATURES = (
    "match",  # BM25F, as a share of the most that the question could give
    "in_name", "in_scope", "in_summary",  # share of its content that each of these has
    "head",  # share of the question's content (by rarity) that title or summary has
    "same_words",  # as head, synonyms not counted
    "covered",  # share of the question's content that the passage has at all
    "name_words",  # share of the title's last part (by rarity) that the question has
    "summary_words",  # share of the summary (by rarity) that the question has
    "full_name",  # the question has the whole title, dots included
    "long_name",  # it has the end of the title, two components or more
    "strong_name",  # it has the last component, written as a name
    "weak_name",  # it has the last component as a plain word
    "opens",  # the summary opens with a word of the question
    "in_order",  # share of the question's neighbours that are neighbours in the summary
    "owner_uses",  # as uses, of what stands before the last dot
    "root_uses",  # as uses, of what stands before the first dot
    "same_case",  # a name is written with the same capitals
    "uses",  # logarithm of how often the name is used, 1 for the most used
    "module", "class", "function", "method", "property", "topic",  # its kind
    "kind_asked",  # the question speaks of that kind
    "depth",  # components of the title beyond two
)  # fmt: skip
RANK_WEIGHTS = {
    "match": 3.07, "in_name": 2.14, "in_scope": 2.35, "in_summary": 0.05, "head": 2.72,
    "same_words": 1.3, "covered": 4.45, "name_words": 3.33, "summary_words": 2.07,
    "full_name": 2.94, "long_name": 0.78, "strong_name": 1.45, "weak_name": -0.77, "opens": -0.42,
    "in_order": 0.79, "owner_uses": 1.56, "root_uses": -0.19, "same_case": 0.28, "uses": 3.01,
    "module": 0.24, "class": 0.38, "function": 1.29, "method": -0.41, "property": -1.46,
    "topic": -0.04, "kind_asked": 0.11, "depth": -1.49,
}  # fmt: skip


@dataclass(frozen=True)
class Calibration:
    """The logistic function that turns a rank into a score."""

    offset: float = -8.6
    rank: float = 0.76
    covered: float = 1.6
    unknown: float = -3.4
    unknown_name: float = -4.0


CALIBRATION = Calibration()


def ranks(features: np.ndarray) -> np.ndarray:
    """The weighted sums of rows of features, float64."""
    return features @ np.array([RANK_WEIGHTS[name] for name in FEATURES])


def score(features: np.ndarray, unknown: float, unknown_name: bool) -> float:
    """The probability that a document fits.

    Args:
        features: of the document, one row.
        unknown: share of the question's content, by rarity, that the corpus has no word for.
        unknown_name: the question writes out a dotted name that no document has.
    """
    c = CALIBRATION
    column = dict(zip(FEATURES, features, strict=True))
    named = max(column["full_name"], column["long_name"])
    z = (
        c.offset
        + c.rank * float(ranks(features))
        + c.covered * column["covered"]
        + c.unknown * unknown * (1 - named)
        + c.unknown_name * unknown_name
    )
    return 1 / (1 + math.exp(-z))
