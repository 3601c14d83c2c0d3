"""Pieces encoded by way of tiktoken: the ids that tokenizers gives, whatever its list of pairs."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from model.byte_pairs import BytePairs
from model.word_encoder import WordEncoder, pieces_then_bytes

ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def byte_level(pairs: list[tuple[str, str]], **model: object) -> Tokenizer:
    """A tokenizer that joins these pairs, in this order; ids in the order in which tokens appear."""
    tokens = dict.fromkeys([*ALPHABET, *("".join(pair) for pair in pairs)])
    vocab = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, list(dict.fromkeys(pairs)), **model))
    tokenizer.pre_tokenizer = pieces_then_bytes()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.encode_special_tokens = True
    return tokenizer


@st.composite
def tokenizers_of_few_letters(draw: st.DrawFn) -> Tokenizer:
    """Many of whose tokens can be made in several ways, some of which are on the list."""
    known = ["a", "b", "c"]
    pairs: list[tuple[str, str]] = []
    for _ in range(draw(st.integers(0, 25))):
        pair = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        if len("".join(pair)) <= 8:
            pairs.append(pair)
            known.append("".join(pair))
    return byte_level(pairs)


def alone(tokenizer: Tokenizer, pieces: list[str]) -> list[list[int]]:
    return [each.ids for each in tokenizer.encode_batch(pieces, add_special_tokens=False)]


def by_pairs(tokenizer: Tokenizer, pieces: list[str]) -> list[list[int]]:
    ids, lengths = BytePairs(tokenizer).encode(pieces)
    return [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])] if pieces else []


PIECES = st.lists(st.text("abc", min_size=1, max_size=24), max_size=8)


@settings(max_examples=600, deadline=None)
@given(tokenizer=tokenizers_of_few_letters(), pieces=PIECES)
# "abc" is made of "a" and "bc" alone, though "ab" and "c" would be two tokens side by side.
@example(byte_level([("a", "b"), ("b", "c"), ("a", "bc")]), ["abc", "abcabc", "aabcc"])
# "aaa" in two ways, of which the second on the list is the leftmost.
@example(byte_level([("a", "a"), ("aa", "a"), ("a", "aa")]), ["aaa", "aaaa", "aaaaa", "aaaaaaa"])
def test_the_ids_are_those_of_tokenizers(tokenizer: Tokenizer, pieces: list[str]) -> None:
    assert by_pairs(tokenizer, pieces) == alone(tokenizer, pieces)


def test_a_list_in_another_order_than_the_ids_is_left_to_tokenizers() -> None:
    """The ids of published tokenizers need not follow the order of their pairs."""
    pairs = [("a", "b"), ("b", "c")]
    vocab = {token: number for number, token in enumerate([*ALPHABET, "bc", "ab"])}
    tokenizer = byte_level(pairs)
    tokenizer.model = models.BPE(vocab, pairs)
    assert by_pairs(tokenizer, ["abc"]) == alone(tokenizer, ["abc"]) == [[vocab["ab"], vocab["c"]]]


@pytest.mark.parametrize(
    "model", [{"ignore_merges": True}, {"unk_token": "a"}, {"continuing_subword_prefix": ""}]
)
def test_more_than_a_list_of_pairs_is_left_to_tokenizers(model: dict[str, object]) -> None:
    tokenizer = byte_level([("a", "b"), ("b", "c"), ("a", "bc")], **model)
    assert by_pairs(tokenizer, ["abc", "bc"]) == alone(tokenizer, ["abc", "bc"])


def test_a_text_of_many_new_words_is_encoded_as_one_of_few() -> None:
    """Beyond some number of new pieces the other library does it."""
    tokenizer = byte_level([("b", "a"), ("a", "b"), ("ba", "b"), ("a", "bab"), ("Ġ", "a")])
    words = [f"{number:b}".translate({48: "a", 49: "b"}) for number in range(3000)]
    texts = [" ".join(words[start : start + 100]) for start in range(0, 3000, 100)]
    encoder = WordEncoder(tokenizer)
    found = [ids.tolist() for text in texts for ids in encoder.encode([text])]
    assert found == alone(tokenizer, texts)
