"""The finished runs in docs/scaling.csv, and what they let expect of a run to come.

``python -m benchmarks.scaling`` writes the file; the law (model/scaling.py) is fitted whenever it
is wanted, which takes half a second, so that the constants can never be other than the file's.

Notable choices: text is counted in bytes, because a token is more of it in one vocabulary than in
another. The constants are those of the default corpus; another one's bits per byte are taken to
differ as its unigram model's do. docs/scaling.md says how well that holds.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chatwright.errors import BadInput
from model.scaling import ScalingLaw, ScalingPoint, fit_scaling_law
from tasks.corpus_figures import CorpusFigures

POINTS = Path("docs/scaling.csv")

FAR = 4.0
"""So many times beyond the fitted runs, a forecast of the loss is only a guess."""

MOST_TIMES_SEEN = 6.0
"""Runs that saw their text more often are not fitted to: they get worse again as they learn it by
heart, and the law knows no such turn."""


@dataclass(frozen=True)
class FittedRuns:
    """The law, and what corpus and which sizes it was fitted to."""

    law: ScalingLaw
    bytes_per_token: float
    unigram_bits_per_byte: float
    unique_tokens: float
    largest_size: float
    most_bytes: float

    def bits_per_byte(
        self, size: int, tokens: int, corpus: CorpusFigures | None
    ) -> tuple[float, bool]:
        """What to expect, and whether that is only a guess, far from the runs.

        Args:
            size: parameters without embeddings.
            corpus: None: as on the default corpus.
        """
        bytes_per_token, unique, ease = self.bytes_per_token, self.unique_tokens, 1.0
        if corpus is not None:
            bytes_per_token, unique = corpus.bytes_per_token, corpus.tokens
            ease = corpus.unigram_bits_per_byte / self.unigram_bits_per_byte
        seen = tokens * bytes_per_token
        bits = self.law.loss(size, seen, unique * bytes_per_token) * ease
        far = size > FAR * self.largest_size or seen > FAR * self.most_bytes
        return bits, far or tokens > MOST_TIMES_SEEN * unique


def fitted_runs(path: Path = POINTS) -> FittedRuns | None:
    """Fit the law to a file of finished runs; None where there is no such file.

    Raises:
        BadInput: it is there, but is not what ``python -m benchmarks.scaling`` writes.
    """
    if not path.exists():
        return None
    try:
        rows = [row for row in read_runs(path) if is_fitted(row)]
        law = fit_scaling_law([scaling_point(row) for row in rows])
        whole = max(rows, key=lambda row: row["unique_tokens"])
        return FittedRuns(
            law,
            whole["bytes_per_token"],
            whole["unigram_bits_per_byte"],
            whole["unique_tokens"],
            max(row["parameters_without_embeddings"] for row in rows),
            max(row["tokens"] * row["bytes_per_token"] for row in rows),
        )
    except (KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            str(path), f"cannot be used: {reason}", f"Restore it with: git checkout {path}"
        ) from None


def read_runs(path: Path = POINTS) -> list[dict[str, float]]:
    """The rows of the file."""
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def is_fitted(row: Mapping[str, float]) -> bool:
    """Whether the law is fitted to this run."""
    return row["tokens"] <= MOST_TIMES_SEEN * row["unique_tokens"]


def scaling_point(row: Mapping[str, float]) -> ScalingPoint:
    """A row of the file as the law takes it: text is counted in bytes, not in tokens."""
    return ScalingPoint(
        row["parameters_without_embeddings"],
        row["tokens"] * row["bytes_per_token"],
        row["unique_tokens"] * row["bytes_per_token"],
        row["bits_per_byte"],
    )
