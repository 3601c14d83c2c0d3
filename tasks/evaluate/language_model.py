"""How well a model predicts text it has not seen: bits per byte, and perplexity per token.

Bits per byte compares models whose vocabularies differ, and compares them with compressors: it is
the size that the text would have if the model's predictions were arithmetic-coded. Each text
begins after an end-of-text token, as in training, and the end-of-text token that ends it is
predicted and counted too: knowing where a text ends is part of knowing the text. (Of a split with
more than is to be measured, long texts are cut; their ends count as well, for all models alike.)

A text longer than the context is read in windows that overlap by half. Each window but the first
scores only its second half, so that every token is predicted exactly once, and from no less than
half a context (or from all that came before it).
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from chatwright.errors import CorpusTooSmall
from model.language_model import LanguageModel
from model.tokenizer import ChatTokenizer
from tasks.progress import Progress, silent

LONGEST_WINDOW = 2048
"""Tokens that a model reads at once at most: what it knows of a text hardly grows beyond."""

MOST_SCORES = 1 << 26
"""Numbers in a batch's scores, 268 MB: a large vocabulary makes smaller batches."""

IGNORED = -100
"""A target that is not scored; what ``cross_entropy`` leaves out by default."""


class BitsPerByte(NamedTuple):
    """A model's score on some texts.

    Attributes:
        bits_per_byte: of the texts' UTF-8 bytes; less is better.
        perplexity: per token of the model's own vocabulary; compares only models that share it.
        tokens: predicted, the end of each text included.
        bytes: of the texts in UTF-8.
    """

    bits_per_byte: float
    perplexity: float
    tokens: int
    bytes: int


class Window(NamedTuple):
    """Tokens that a model reads at once, and what it should predict (``IGNORED``: not scored)."""

    inputs: list[int]
    targets: list[int]


def score(bits: float, tokens: int, texts: Sequence[str]) -> BitsPerByte:
    """The score of texts that took ``bits`` in ``tokens`` predictions.

    Raises:
        CorpusTooSmall: there is no text.
    """
    size = held_out_bytes(texts)
    return BitsPerByte(bits / size, 2 ** (bits / tokens), tokens, size)


def held_out_bytes(texts: Sequence[str]) -> int:
    """The size of texts in UTF-8.

    Raises:
        CorpusTooSmall: there is no text.
    """
    size = sum(len(text.encode()) for text in texts)
    if not size:
        raise CorpusTooSmall(
            "data/clean/test", "there is no held-out text", "Raise preprocess.test_share"
        )
    return size


def windows(ids: Sequence[int], context_length: int, end_of_text_id: int) -> Iterator[Window]:
    """Cut a text's ids into windows that together predict each of them, and its end, once.

    >>> list(windows([5, 6], 8, 0))
    [Window(inputs=[0, 5, 6], targets=[5, 6, 0])]
    """
    sequence = [end_of_text_id, *ids, end_of_text_id]
    predicted = 0  # targets are sequence[1:]; so many of them are done
    total = len(sequence) - 1
    while predicted < total:
        start = max(0, predicted - context_length // 2)
        end = min(total, start + context_length)
        known = predicted - start
        yield Window(sequence[start:end], [IGNORED] * known + sequence[predicted + 1 : end + 1])
        predicted = end


@torch.inference_mode()
def bits_per_byte(
    model: LanguageModel,
    tokenizer: ChatTokenizer,
    texts: Sequence[str],
    *,
    batch_size: int = 16,
    progress: Progress = silent,
) -> BitsPerByte:
    """Score a model (float or int8) on texts.

    Windows are batched with others of about their length, so that little is padded; padding
    follows the text, where a causal model cannot see it.

    Args:
        batch_size: windows of a full context at a time; shorter ones come in larger batches.

    Raises:
        CorpusTooSmall: there is no text.
    """
    model.eval()
    context_length = min(model.config.context_length, LONGEST_WINDOW)
    most_tokens = min(batch_size * context_length, MOST_SCORES // model.config.vocab_size)
    end = tokenizer.end_of_text_id
    pieces = sorted(
        (
            window
            for ids in tokenizer.encode_batch(texts)
            for window in windows(ids, context_length, end)
        ),
        key=lambda window: len(window.inputs),
        reverse=True,
    )
    total = sum(len(window.inputs) for window in pieces)
    nats, tokens, done = 0.0, 0, 0
    while pieces:
        longest = len(pieces[0].inputs)
        rows = max(1, most_tokens // longest)
        batch, pieces = pieces[:rows], pieces[rows:]
        inputs = _padded([window.inputs for window in batch], longest, end)
        targets = _padded([window.targets for window in batch], longest, IGNORED)
        scored = targets != IGNORED
        # The projection onto the vocabulary is the dearest part: only where a token is scored.
        logits = model.logits(model.hidden(inputs)[scored]).float()
        nats += F.cross_entropy(logits, targets[scored], reduction="sum").item()
        tokens += int(scored.sum())
        done += sum(len(window.inputs) for window in batch)
        progress(done, total, "tokens", bits_per_token=nats / tokens / math.log(2))
    return score(nats / math.log(2), tokens, texts)


def _padded(rows: Sequence[Sequence[int]], length: int, filler: int) -> torch.Tensor:
    """int64 ``(len(rows), length)``, each row followed by ``filler``."""
    return torch.tensor([[*row, *[filler] * (length - len(row))] for row in rows])
