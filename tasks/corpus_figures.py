"""What a corpus of packed rows is like, in the figures that a forecast needs.

The loss is in nats a token, and a token is more bytes in one vocabulary than in another; bits per
byte compare. How hard a text is to predict is told by the plainest model of it, which knows only
how often each token occurs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.rows import Rows
from model.tokenizer import ChatTokenizer


@dataclass(frozen=True)
class CorpusFigures:
    """Of the folder that the pack stage wrote.

    Attributes:
        tokens: places in the training rows, filling included, as a budget counts them.
        bytes_per_token: UTF-8 bytes that a predicted token of the held-out rows stands for.
        unigram_bits_per_byte: of the held-out rows under the training rows' token frequencies,
            each counted once more than it occurs (Laplace), so that none is impossible.
    """

    tokens: int
    bytes_per_token: float
    unigram_bits_per_byte: float

    def bits_per_byte(self, nats_per_token: float) -> float:
        """A loss, as one that compares across vocabularies."""
        return nats_per_token / math.log(2) / self.bytes_per_token


def corpus_figures(tokens: Path, ids: ChatTokenizer) -> CorpusFigures | None:
    """Read them off ``train.arrow`` and ``validation.arrow``; None where nothing is held out."""
    train, validation = Rows(tokens / "train.arrow"), Rows(tokens / "validation.arrow")
    counts = np.ones(ids.vocab_size, np.int64)
    for predicted in _predicted(train):
        counts += np.bincount(predicted, minlength=ids.vocab_size)
    bits_each = -np.log2(counts / counts.sum())
    size = wanted = 0
    bits = 0.0
    for predicted in _predicted(validation):
        size += len(ids.decode(predicted.tolist()).encode())
        wanted += len(predicted)
        bits += float(bits_each[predicted].sum())
    if not size:
        return None
    return CorpusFigures(
        tokens=len(train) * train.context_length,
        bytes_per_token=size / wanted,
        unigram_bits_per_byte=bits / size,
    )


def _predicted(rows: Rows) -> Iterator[np.ndarray]:
    """The tokens that a model is to predict, batch by batch: all but the first of each document and
    filling."""
    batches = zip(rows.columns["input_ids"], rows.columns["position_ids"], strict=True)
    for ids, positions in batches:
        yield ids[positions > 0].numpy()
