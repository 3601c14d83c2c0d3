"""Byte-pair encoding by tiktoken, wherever that gives what the tokenizer itself gives.

tiktoken is three times as fast as tokenizers, but it knows no list of merges: it joins whatever
neighbours make a token, the token with the lowest id first. tokenizers joins only pairs that stand
on its list, in the list's order. They do the same as long as every pair that tiktoken joins stands
on the list, and stands there alone for its token: of the pairs at hand, the one with the lowest id
is then also the first on the list. How tiktoken comes to a token depends on the token's own bytes
alone, since nothing has been joined across its ends. So each token is tried once, and a text that
comes out with one that does not hold is left to tokenizers.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import tiktoken
from tokenizers import Tokenizer, pre_tokenizers

from model.token_bytes import token_bytes

PLAIN = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
}
"""What tokenizers writes of a model that does nothing but join the pairs of its list."""

ALPHABET = set(pre_tokenizers.ByteLevel.alphabet())
BYTES = {bytes([byte]) for byte in range(256)}
NONE = 1 << 62
Pair = tuple[bytes, bytes]


class BytePairs:
    """Encodes pieces of text that no token goes beyond.

    Args:
        tokenizer: one that writes bytes as characters, as ``ByteLevel`` does.

    Attributes:
        is_sure: of each id, whether tiktoken comes to it as tokenizers does (bool); empty where all
            is left to tokenizers.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.is_sure = np.zeros(0, bool)
        self._fast: tiktoken.Encoding | None = None
        spelt = token_bytes(tokenizer)
        ranks = {token: number for number, token in spelt.items()}
        pairs = _pairs_by_token(json.loads(tokenizer.to_str())["model"], spelt)
        if pairs is None or len(ranks) < len(spelt) or not BYTES <= ranks.keys():
            return
        firsts = [ranks[token] for token in pairs]
        if firsts != sorted(firsts):
            return  # the lowest id is not the first on the list
        self.is_sure = np.zeros(1 + max(spelt), bool)
        for token, number in ranks.items():
            self.is_sure[number] = _is_made_as_listed(token, ranks, pairs)
        self._fast = tiktoken.Encoding(
            "pieces", pat_str=r"[\s\S]+", mergeable_ranks=ranks, special_tokens={}
        )

    def encode(self, pieces: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all pieces, one after the other (int32), and how many each has (int64)."""
        if self._fast is None:
            return as_one(self._by_tokenizers(pieces))
        found = list(map(self._fast.encode_ordinary, pieces))
        ids, lengths = as_one(found)
        if not self.is_sure[ids].all():
            ends = np.cumsum(lengths)
            unsure = np.flatnonzero(~self.is_sure[ids])
            places = np.unique(np.searchsorted(ends, unsure, side="right")).tolist()
            again = self._by_tokenizers([pieces[place] for place in places])
            for place, numbers in zip(places, again, strict=True):
                found[place] = numbers
            ids, lengths = as_one(found)
        return ids, lengths

    def _by_tokenizers(self, pieces: Sequence[str]) -> list[list[int]]:
        encoded = self._tokenizer.encode_batch_fast(list(pieces), add_special_tokens=False)
        return [each.ids for each in encoded]


def as_one(ids: Iterable[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Lists of ids as one (int32), and their lengths (int64)."""
    held = list(ids)
    lengths = np.fromiter(map(len, held), np.int64, len(held))
    return np.fromiter(chain.from_iterable(held), np.int32, int(lengths.sum())), lengths


def _pairs_by_token(
    model: Mapping[str, Any], spelt: Mapping[int, bytes]
) -> dict[bytes, list[Pair]] | None:
    """The pairs on the list that make each token, in the list's order; None where there is more to
    the model than the list."""
    if not PLAIN.items() <= model.items():
        return None
    written = (token for token, number in model["vocab"].items() if number in spelt)
    if not ALPHABET.issuperset(chain.from_iterable(written)):
        return None  # tokens that do not stand for the bytes that they are written with
    pairs: dict[bytes, list[Pair]] = defaultdict(list)
    for each in model["merges"]:
        made = model["vocab"]["".join(each)]
        left, right = (spelt.get(model["vocab"][part]) for part in each)
        if left is None or right is None or made not in spelt:
            return None  # special tokens, which stand for nothing
        pairs[left + right].append((left, right))
    return pairs


def _is_made_as_listed(
    token: bytes, ranks: Mapping[bytes, int], pairs: Mapping[bytes, list[Pair]]
) -> bool:
    """Whether joining the pair that makes the token with the lowest id, the leftmost of equal ones,
    leads to this token by pairs of the list alone, none of which has another beside it."""
    parts = [token[place : place + 1] for place in range(len(token))]
    made = [ranks.get(left + right, NONE) for left, right in pairwise(parts)]
    while made:
        at = made.index(min(made))
        pair = parts[at], parts[at + 1]
        joined = pair[0] + pair[1]
        if pairs.get(joined) != [pair]:
            return False
        parts[at : at + 2] = [joined]
        del made[at]
        if at:
            made[at - 1] = ranks.get(parts[at - 1] + joined, NONE)
        if at < len(made):
            made[at] = ranks.get(joined + parts[at + 1], NONE)
    return True
