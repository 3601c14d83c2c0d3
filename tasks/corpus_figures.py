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
    wanted = np.concatenate([np.empty(0, np.int32), *_predicted(validation)])
    size = len(ids.decode(wanted.tolist()).encode()) if len(wanted) else 0
    if not size:
        return None
    counts = np.ones(ids.vocab_size, np.int64)
    for tokens_of_rows in _predicted(train):
        counts += np.bincount(tokens_of_rows, minlength=ids.vocab_size)
    bits = -np.log2(counts[wanted] / counts.sum()).sum()
    return CorpusFigures(
        tokens=len(train) * train.context_length,
        bytes_per_token=size / len(wanted),
        unigram_bits_per_byte=float(bits) / size,
    )


def _predicted(rows: Rows) -> Iterator[np.ndarray]:
    """The tokens that a model is to predict: all but the first of each document and filling."""
    batches = zip(rows.columns["input_ids"], rows.columns["position_ids"], strict=True)
    for ids, positions in batches:
        yield ids[positions > 0].numpy()
