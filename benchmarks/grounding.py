"""How often the right document is found: our index against plain BM25, on the same questions.

    python -m benchmarks.grounding            # after `make run`: the table
    python -m benchmarks.grounding --fit      # the weights of serving/ranking.py, fitted anew

The questions (``benchmarks/data/grounding_dev.jsonl``) were written by hand about Python's
documentation. The word lists were extended and the weights fitted on these very questions, so the
table flatters us; with ``--fit`` the figures of an 8-fold cross-validation stand beside it. The
peer is bm25s over title and text, English stemming and stop words, nothing else.
"""

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import bm25s
import numpy as np
import Stemmer
from scipy.optimize import minimize

from serving.analysis import analyse
from serving.measuring import measure
from serving.passage_store import PassageStore
from serving.ranking import FEATURES, ranks
from serving.retrieval import Index

QUESTIONS = Path(__file__).parent / "data" / "grounding_dev.jsonl"
FOLDS = 8
PENALTY = 0.001  # of the squared weights; 0.0003 to 0.003 gave the same within two percent


class Asked(NamedTuple):
    """A question, the documents that answer it, and the group it is counted in."""

    question: str
    documents: frozenset[str]
    group: str


def questions(store: PassageStore) -> list[Asked]:
    """The questions whose documents this corpus has, and those that nothing answers."""
    found = []
    known = set(store.ids)
    for line in QUESTIONS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        documents = frozenset(row["documents"]) & known
        if documents or not row["documents"]:
            found.append(Asked(row["question"], documents, f"{row['language']} {row['style']}"))
    return found


def plain_bm25(store: PassageStore, asked: list[Asked]) -> list[list[str]]:
    """The five documents that plain BM25 finds for each question."""
    texts = [
        f"{store.titles[number]}\n{store.passage(number).text}" for number in range(store.passages)
    ]
    stemmer = Stemmer.Stemmer("english")
    peer = bm25s.BM25()
    peer.index(
        bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False),
        show_progress=False,
    )
    tokens = bm25s.tokenize(
        [one.question for one in asked], stopwords="en", stemmer=stemmer, show_progress=False
    )
    found, _ = peer.retrieve(tokens, k=20, show_progress=False)
    return [list(dict.fromkeys(store.ids[n] for n in row))[:5] for row in found.tolist()]


def table(index: Index) -> str:
    """Shares of right documents, first and among five, and of what is declined."""
    asked = questions(index.store)
    peer = plain_bm25(index.store, asked)
    rows: dict[str, list[tuple[float, ...]]] = {}
    for one, theirs in zip(asked, peer, strict=True):
        hits = index.search(one.question, 5)
        ours = [hit.passage.document_id for hit in hits]
        declined = not hits or hits[0].score < index.min_score
        figures = (
            bool(ours) and ours[0] in one.documents,
            bool(one.documents & set(ours)),
            theirs[0] in one.documents,
            bool(one.documents & set(theirs)),
            declined,
        )
        everyone = "all answerable" if one.documents else "all unanswerable"
        for group in (one.group, everyone):
            rows.setdefault(group, []).append(figures)
    lines = [
        "| questions | | first | in five | BM25 first | BM25 in five | ratio first | declined |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for group in sorted(rows):
        first, five, peer_first, peer_five, declined = np.mean(np.array(rows[group]), axis=0)
        if "unanswerable" in group:
            found = "| – " * 5
        else:
            found = f"| {first:.0%} | {five:.0%} | {peer_first:.0%} | {peer_five:.0%} "
            found += f"| {first / max(peer_first, 1e-9):.1f} "
        lines.append(f"| {group} | {len(rows[group])} {found}| {declined:.0%} |")
    return "\n".join(lines)


class Example(NamedTuple):
    """The candidates of a question: their features, which are right, and their documents."""

    features: np.ndarray
    right: np.ndarray
    ids: np.ndarray


def fitted(examples: list[Example]) -> np.ndarray:
    """Weights that make the right documents likeliest: logistic regression over candidates."""
    usable = [one for one in examples if one.right.any()]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = 0.0, np.zeros_like(weights)
        for one in usable:
            ranks = one.features @ weights
            shares = np.exp(ranks - ranks.max())
            shares /= shares.sum()
            right = shares[one.right].sum()
            total -= np.log(right + 1e-12)
            slope -= one.features.T @ (np.where(one.right, shares / right, 0) - shares)
        count = len(usable)
        penalty = PENALTY * (weights**2).sum()
        return total / count + penalty, slope / count + 2 * PENALTY * weights

    start = np.zeros(len(FEATURES))
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x


def right_shares(examples: list[Example], weights: np.ndarray) -> np.ndarray:
    """Shares with a right document first and among the first five."""
    found = []
    for one in examples:
        order = np.argsort(-(one.features @ weights), kind="stable")
        best = list(dict.fromkeys(one.ids[order].tolist()))[:5]
        right = set(one.ids[one.right].tolist())
        found.append((bool(best) and best[0] in right, bool(right & set(best))))
    return np.mean(found, axis=0)


def fit(index: Index) -> str:
    """The weights, and how well such weights do on questions that they were not fitted on."""
    store = index.store
    ids = np.array(store.ids)
    examples = []
    for one in questions(store):
        if one.documents:
            measured = measure(store, analyse(one.question))
            own = ids[measured.passages]
            examples.append(Example(measured.features, np.isin(own, list(one.documents)), own))
    folds = np.array_split(np.random.default_rng(0).permutation(len(examples)), FOLDS)
    shares = np.zeros(2)
    for fold in folds:
        rest = [examples[at] for at in range(len(examples)) if at not in set(fold.tolist())]
        shares += len(fold) * right_shares([examples[at] for at in fold], fitted(rest))
    first, five = shares / len(examples)
    weights = fitted(examples)
    lines = [f"cross-validated: first {first:.1%}, in five {five:.1%}"]
    lines += [f"{name:>16} {weight:6.2f}" for name, weight in zip(FEATURES, weights, strict=True)]
    lines += ["calibration (of the weights in ranking.py as they stand):"]
    names = ("offset", "rank", "covered", "unknown", "unknown_name")
    lines += [f"{n:>16} {w:6.2f}" for n, w in zip(names, calibrated(store), strict=True)]
    return "\n".join(lines)


def calibrated(store: PassageStore) -> np.ndarray:
    """The logistic function that tells answerable questions from the others, by the best hit.

    Both kinds weigh the same, however many of each there are.
    """
    rows, answerable = [], []
    for one in questions(store):
        measured = measure(store, analyse(one.question))
        if len(measured.passages) == 0:
            continue
        best = dict(
            zip(FEATURES, measured.features[ranks(measured.features).argmax()], strict=True)
        )
        named = max(best["full_name"], best["long_name"])
        rank = float(ranks(measured.features).max())
        unknown = measured.unknown * (1 - named)
        rows.append((1.0, rank, best["covered"], unknown, float(measured.unknown_name)))
        answerable.append(bool(one.documents))
    x, y = np.array(rows), np.array(answerable)
    share = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())
    sign = np.where(y, 1.0, -1.0)

    def loss(weights: np.ndarray) -> float:
        margins = sign * (x @ weights)
        return float((share * np.logaddexp(0, -margins)).sum() + PENALTY * (weights[1:] ** 2).sum())

    return minimize(loss, np.zeros(x.shape[1]), method="L-BFGS-B").x


def main() -> None:
    """Print the table, or the fitted weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, default=Path("artifacts/index"))
    parser.add_argument("--fit", action="store_true", help="fit the weights of ranking.py anew")
    options = parser.parse_args()
    index = Index.load(options.index)
    print(fit(index) if options.fit else table(index))


if __name__ == "__main__":
    main()
