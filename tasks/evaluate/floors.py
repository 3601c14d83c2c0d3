"""What the held-out text costs without a neural network: the floors that a model has to beat.

- ``unigram``: each token by how often it occurs in the training text, no context at all. A model
  above it has learned nothing.
- ``xz``: the bytes that appending the held-out text adds to the training text's archive, which is
  what a good compressor makes of having seen that text. It copies long repetitions better than a
  small model can, so it is the harder floor.

Both count the end of each text, as the models do: the unigram as a token, xz as one byte between
texts. Of a large training text each takes every n-th document, so that memory does not grow with
it, and time only with the reading.
"""

import lzma
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from model.tokenizer import ChatTokenizer
from tasks.documents import FolderTexts
from tasks.evaluate.language_model import BitsPerByte, held_out_bytes, score

XZ_TRAINING_BYTES = 32 << 20
"""More training text than this is thinned out: each MB takes xz a second, and 11 MB of memory."""

UNIGRAM_TRAINING_BYTES = 64 << 20
"""Likewise for the unigram. A kind of token that is not among so many is seldom in the held-out
text; all tokens of 1 GB would take minutes to count."""

BATCH_CHARACTERS = 1 << 20
"""Of the texts that are encoded at once."""

TEXT_END = b"\0"
"""The byte that ends a text for xz; none occurs in clean text."""


def unigram(
    tokenizer: ChatTokenizer, training: FolderTexts | Sequence[str], held_out: Sequence[str]
) -> BitsPerByte:
    """Score a unigram model, estimated on training texts, on held-out ones.

    Of more than ``UNIGRAM_TRAINING_BYTES`` every n-th training text is counted, with the n that
    leaves about so much.

    The counts are smoothed as Witten and Bell did (1991, method C): a new token is as likely as
    new tokens were in training, and all unseen ones share that evenly. With N tokens of T kinds
    seen and Z kinds not seen, a kind seen c times has probability c / (N + T), an unseen one
    T / (Z (N + T)). Where every kind was seen, c / N.

    Raises:
        CorpusTooSmall: there is no text.
    """
    counts = _token_counts(tokenizer, _every_nth(training, UNIGRAM_TRAINING_BYTES))
    wanted = _token_counts(tokenizer, held_out)
    bits = -sum(
        times * math.log2(probability)
        for times, probability in zip(
            wanted.values(), smoothed(counts, list(wanted), tokenizer.vocab_size), strict=True
        )
    )
    return score(bits, wanted.total(), held_out)


def _token_counts(tokenizer: ChatTokenizer, texts: Iterable[str]) -> Counter[int]:
    """How often each token occurs in texts, the end of each included."""
    counts, ends = Counter[int](), 0
    for batch in _batches(texts):
        for ids in tokenizer.encode_batch(batch):
            counts.update(ids)
        ends += len(batch)
    counts[tokenizer.end_of_text_id] += ends
    return counts


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    begun: list[str] = []
    size = 0
    for text in texts:
        begun.append(text)
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield begun
            begun, size = [], 0
    if begun:
        yield begun


def _every_nth(texts: FolderTexts | Sequence[str], most_bytes: int) -> Iterator[str]:
    """Every n-th text, so many that they are about ``most_bytes``; all where all are no more."""
    if isinstance(texts, FolderTexts):
        size = texts.size_bytes()
    else:
        size = sum(len(text.encode()) for text in texts)
    return islice(texts, 0, None, max(1, math.ceil(size / most_bytes)))


def smoothed(counts: Counter[int], tokens: Sequence[int], vocab_size: int) -> list[float]:
    """Witten-Bell probabilities of tokens, given how often each was seen; see ``unigram``.

    >>> smoothed(Counter({7: 3, 8: 1}), [7, 9], vocab_size=4)  # N = 4, T = 2, Z = 2
    [0.5, 0.16666666666666666]
    """
    seen, kinds = counts.total(), len(counts)
    unseen_kinds = vocab_size - kinds
    if not unseen_kinds:
        return [counts[token] / seen for token in tokens]
    if not kinds:
        return [1 / vocab_size for _ in tokens]
    return [(counts[token] or kinds / unseen_kinds) / (seen + kinds) for token in tokens]


def xz(training: FolderTexts | Sequence[str], held_out: Sequence[str]) -> float:
    """Bits per byte of the held-out texts, for xz at its strongest that has read the training ones.

    The strongest: preset 9e with the longest matches (273), a dictionary that covers everything,
    and the settings for text (lc=4, pb=0), which save 0.2 % over the preset's own. Raw streams, so
    that no header is counted. Of more than ``XZ_TRAINING_BYTES`` every n-th training text is read.

    Raises:
        CorpusTooSmall: there is no held-out text.
    """
    size = held_out_bytes(held_out)
    before = _joined(_every_nth(training, XZ_TRAINING_BYTES))
    both = before + _joined(held_out)
    with ThreadPoolExecutor(2) as pool:  # lzma lets go of the interpreter while it works
        small, large = pool.map(_compressed_bytes, (before, both))
    return (large - small) * 8 / size


def _joined(texts: Iterable[str]) -> bytes:
    return b"".join(text.encode() + TEXT_END for text in texts)


def _compressed_bytes(data: bytes) -> int:
    strongest = {
        "id": lzma.FILTER_LZMA2,
        "preset": 9 | lzma.PRESET_EXTREME,
        "dict_size": max(len(data), 1 << 16),
        "nice_len": 273,
        "lc": 4,
        "lp": 0,
        "pb": 0,
    }
    return len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=[strongest]))
