"""Many texts to ids, several times as fast as the tokenizer alone, and with the same result.

Notable choices: text is cut into pieces by the very pattern that our tokenizer is trained with
(word_pieces.py), and no token spans two pieces; so a piece that was seen before is looked up, and
each different one is encoded once (byte_pairs.py). Of ordinary text one in 20 pieces is new. A
tokenizer that cuts otherwise, as those of published weights may, encodes its texts itself; so does
ours a text with characters that this Python's Unicode does not have yet, since what is a letter
among them is not known to all libraries alike. A long text is taken in parts, cut where no piece
goes on: its pieces take a hundred times what it takes itself.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain, islice

import numpy as np
import regex
from tokenizers import Tokenizer

from model.byte_pairs import BytePairs, as_one
from model.word_pieces import pieces_of, pieces_then_bytes

MOST_IDS = 1 << 20
"""Of all pieces that are remembered; when there are more, all are forgotten. Tens of megabytes."""

BATCH_CHARACTERS = 1 << 20
TOKENS_A_PIECE = 2
"""After one new piece for so many of its tokens it pays to look at them all (byte_pairs.py)."""

PART_CHARACTERS = 1 << 16
"""A part of a long text has as many, and what is left of its last line."""

# After a line break, what is no white space begins a piece.
BORDERS = regex.compile(r"(?<=\n)(?=\S)")


def cuts_into_pieces(tokenizer: Tokenizer) -> bool:
    """Whether it reads text as those do that we train, so that pieces can be encoded apart."""
    cutter = tokenizer.pre_tokenizer
    return (
        cutter is not None
        and json.loads(cutter.__getstate__()) == json.loads(pieces_then_bytes().__getstate__())
        and tokenizer.normalizer is None
        and tokenizer.truncation is None
        and tokenizer.padding is None
        and all(token.special for token in tokenizer.get_added_tokens_decoder().values())
        and tokenizer.encode_special_tokens
        and not getattr(tokenizer.model, "dropout", None)
    )


class WordEncoder:
    """Encodes texts with a tokenizer, special tokens in them as the text that they are.

    Args:
        tokenizer: with ``encode_special_tokens`` set.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._by_pieces = cuts_into_pieces(tokenizer)
        self._numbers = _Numbers()
        self._pairs: BytePairs | None = None
        self._learnt = 0
        # Of the piece with each number: where its ids begin in _ids, and how many they are.
        self._starts, self._lengths = np.empty(0, np.int64), np.empty(0, np.int64)
        self._ids = np.empty(0, np.int32)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The ids of each text, int32."""
        if not self._by_pieces:
            return self._whole(texts)
        parts = [list(parts_of(text)) for text in texts]
        whole = list(chain.from_iterable(parts))
        found = chain.from_iterable(map(self._batch, batches(whole)))
        return [
            next(found) if len(some) == 1 else np.concatenate(list(islice(found, len(some))))
            for some in parts
        ]

    def _batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        whole = [place for place, text in enumerate(texts) if has_new_characters(text)]
        if not whole:
            return self._by_pieces_of(texts)
        found = self._by_pieces_of(["" if has_new_characters(text) else text for text in texts])
        for place, ids in zip(whole, self._whole([texts[n] for n in whole]), strict=True):
            found[place] = ids
        return found

    def _whole(self, texts: Sequence[str]) -> list[np.ndarray]:
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(each.ids, np.int32) for each in found]

    def _by_pieces_of(self, texts: Sequence[str]) -> list[np.ndarray]:
        if len(self._ids) > MOST_IDS:
            self._forget()
        pieces = [pieces_of(text) for text in texts]
        counts = np.fromiter(map(len, pieces), np.int64, len(pieces))
        numbers = np.fromiter(
            map(self._numbers.__getitem__, chain.from_iterable(pieces)), np.int64, counts.sum()
        )
        self._learn()
        lengths = self._lengths[numbers]
        ends = np.concatenate([[0], np.cumsum(lengths)])
        shifts = np.repeat(self._starts[numbers] - ends[:-1], lengths)
        ids = self._ids[shifts + np.arange(ends[-1])]
        return np.split(ids, ends[np.cumsum(counts)][:-1])

    def _learn(self) -> None:
        new = self._numbers.new
        self._learnt += len(new)
        many = self._tokenizer.get_vocab_size() // TOKENS_A_PIECE
        if self._pairs is None and self._learnt > many:
            self._pairs = BytePairs(self._tokenizer)
        # What tokenizers gives takes some hundred bytes for each id.
        for some in batches(new, PART_CHARACTERS):
            if self._pairs is None:
                found = self._tokenizer.encode_batch_fast(some, add_special_tokens=False)
                ids, lengths = as_one(each.ids for each in found)
            else:
                ids, lengths = self._pairs.encode(some)
            starts = len(self._ids) + np.cumsum(lengths) - lengths
            self._lengths = np.concatenate([self._lengths, lengths])
            self._starts = np.concatenate([self._starts, starts])
            self._ids = np.concatenate([self._ids, ids])
        self._numbers.new = []

    def _forget(self) -> None:
        self._numbers = _Numbers()
        self._starts, self._lengths = self._starts[:0], self._lengths[:0]
        self._ids = self._ids[:0]


def parts_of(text: str) -> Iterator[str]:
    """A text in parts, whose pieces are its own; in one part, if it is not long or has no lines."""
    start = 0
    while len(text) - start > PART_CHARACTERS:
        border = BORDERS.search(text, start + PART_CHARACTERS)
        if border is None:
            break
        yield text[start : border.start()]
        start = border.start()
    yield text[start:]


_ASSIGNED = set(map(chr, range(128)))
"""Characters that were looked at and found assigned: a text's few thousand are looked at once."""


def has_new_characters(text: str) -> bool:
    """Whether a text has characters that are not assigned in this Python's Unicode."""
    if text.isascii():
        return False
    unknown = set(text) - _ASSIGNED
    assigned = {each for each in unknown if unicodedata.category(each) != "Cn"}
    _ASSIGNED.update(assigned)
    return len(assigned) < len(unknown)


class _Numbers(dict[str, int]):
    """Numbers each piece that it is asked for; those asked for the first time are in ``new``."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []

    def __missing__(self, piece: str) -> int:
        number = self[piece] = len(self)
        self.new.append(piece)
        return number


def batches(texts: Sequence[str], characters: int | None = None) -> Iterator[Sequence[str]]:
    """Texts in groups of so many characters, so that memory does not grow with them.

    Args:
        characters: about; None: ``BATCH_CHARACTERS``.
    """
    start = held = 0
    for place, text in enumerate(texts):
        held += len(text)
        if held >= (characters or BATCH_CHARACTERS):
            yield texts[start : place + 1]
            start, held = place + 1, 0
    if start < len(texts):
        yield texts[start:]
