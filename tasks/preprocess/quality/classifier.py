"""A classifier of documents, learnt from texts that the user calls good and bad.

As fastText's (Joulin et al. 2016: Bag of Tricks for Efficient Text Classification) it is linear in
hashed words and pairs of words, so that it learns from a few hundred samples in a second and reads
as fast as the texts can be hashed. Notable choices: it is fitted to the optimum of the regularised
logistic loss, both classes weighing the same, so there is no learning rate, no epoch and no seed to
choose; words are those of ``word_hashes``, so it knows Chinese by characters and pairs of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from chatwright.errors import BadInput
from tasks.preprocess.word_hashes import blocks, hashed_words, word_runs

BUCKETS = 2**20
HELD_OUT_OF = 5  # every fifth sample tells how good it is
FEWEST_SAMPLES = 20
DECAY = 1e-3  # of the weights, against learning the samples by heart

Weights = NDArray[np.float32]


class ClassifierReport(BaseModel):
    """How many samples there were, and on those of them that were held out while it learnt: the
    share of the good ones that would stay and of the bad ones that would go."""

    good: int
    bad: int
    held_out_good_kept: float
    held_out_bad_dropped: float


@dataclass(frozen=True)
class Features:
    """Texts as sparse rows of unit length: which buckets each has, and how much of each.

    Attributes:
        rows, buckets: of each entry.
        values: of each entry, float32.
        count: how many rows there are.
    """

    rows: NDArray[np.int64]
    buckets: NDArray[np.int64]
    values: Weights
    count: int


def features(texts: Sequence[str]) -> Features:
    """The words and pairs of words of each text, by the square root of how often they occur."""
    words = hashed_words(texts)
    rows, buckets = [], []
    for length in (1, 2):
        runs = word_runs(words, length)
        rows.append(np.repeat(np.arange(len(texts)), np.diff(runs.borders)))
        buckets.append((runs.hashes % np.uint64(BUCKETS)).astype(np.int64))
    keys, counts = np.unique(
        np.concatenate(rows) * BUCKETS + np.concatenate(buckets), return_counts=True
    )
    row, bucket = np.divmod(keys, BUCKETS)
    lengths = np.bincount(row, counts, len(texts))
    values = np.sqrt(counts / lengths[row])
    return Features(row, bucket, values.astype(np.float32), len(texts))


class Classifier:
    """What was learnt: a weight a bucket, and one for all texts."""

    def __init__(self, weights: Weights, bias: float) -> None:
        self._weights, self._bias = weights, bias

    def content(self) -> bytes:
        """All that its scores depend on: learnt with other threads, they differ a little."""
        return self._weights.tobytes() + np.float64(self._bias).tobytes()

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """How probably each text is good, from 0 to 1."""
        found = [np.zeros(0, np.float64)]
        for block in blocks(texts):
            part = features(texts[block])
            products = self._weights[part.buckets] * part.values
            sums = np.zeros(part.count)
            np.add.at(sums, part.rows, products)
            found.append(sums + self._bias)
        return 1 / (1 + np.exp(-np.concatenate(found)))


def learnt(good: Sequence[str], bad: Sequence[str]) -> tuple[Classifier, ClassifierReport]:
    """The classifier of these samples, and how good it is.

    Raises:
        BadInput: there are too few of one kind.
    """
    for name, samples in (("good", good), ("bad", bad)):
        if len(samples) < FEWEST_SAMPLES:
            raise BadInput(
                f"preprocess.classifier.{name}",
                f"{len(samples)} samples are too few to learn from",
                f"Give at least {FEWEST_SAMPLES}, better some hundreds",
            )
    held_out = [samples[::HELD_OUT_OF] for samples in (good, bad)]
    rest = [[s for n, s in enumerate(each) if n % HELD_OUT_OF] for each in (good, bad)]
    trial = fitted(*rest)
    report = ClassifierReport(
        good=len(good),
        bad=len(bad),
        held_out_good_kept=float((trial.scores(held_out[0]) >= 0.5).mean()),
        held_out_bad_dropped=float((trial.scores(held_out[1]) < 0.5).mean()),
    )
    return fitted(good, bad), report


def fitted(good: Sequence[str], bad: Sequence[str]) -> Classifier:
    """The least logistic loss on these samples, by L-BFGS."""
    import torch
    from torch.nn import functional

    part = features([*good, *bad])
    used, columns = np.unique(part.buckets, return_inverse=True)
    entries = torch.from_numpy(columns)
    values = torch.from_numpy(part.values)
    starts = torch.from_numpy(np.searchsorted(part.rows, np.arange(part.count)))
    truth = torch.cat([torch.ones(len(good)), torch.zeros(len(bad))])
    share = torch.cat([torch.full([len(each)], 0.5 / len(each)) for each in (good, bad)])
    weights = torch.zeros(len(used), 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = bias + functional.embedding_bag(
            entries, weights, starts, mode="sum", per_sample_weights=values
        ).squeeze(1)
        wrong = functional.binary_cross_entropy_with_logits(logits, truth, share, reduction="sum")
        total = wrong + DECAY / 2 * weights.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    everywhere = np.zeros(BUCKETS, np.float32)
    everywhere[used] = weights.detach()[:, 0].numpy()
    return Classifier(everywhere, float(bias.detach()))
