"""Pieces encoded by way of tiktoken: the ids that tokenizers gives, whatever its list of pairs."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from model.byte_pairs import BytePairs
from model.tokenizer import SPECIAL_TOKENS
from model.word_encoder import WordEncoder
from model.word_pieces import pieces_then_bytes
from tasks.tokenizer import byte_level_bpe

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
    known = ["a", "b", "c", "d"]
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


# tiktoken goes another way from 100 bytes on.
PIECES = st.lists(
    st.text("abcd", min_size=1, max_size=24) | st.text("abc", min_size=100), max_size=8
)


@settings(max_examples=600, deadline=None)
@given(tokenizer=tokenizers_of_few_letters(), pieces=PIECES)
# "abc" is made of "a" and "bc" alone, though "ab" and "c" would be two tokens side by side.
@example(byte_level([("a", "b"), ("b", "c"), ("a", "bc")]), ["abc", "abcabc", "aabcc"])
# "abc" in two ways, of which "abcd" needs the second.
@example(byte_level([("a", "b"), ("b", "c"), ("a", "bc"), ("c", "d"), ("ab", "c")]), ["abcd"])
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
    "model",
    [
        {"ignore_merges": True},
        {"end_of_word_suffix": "c"},
        {"unk_token": "a"},
    ],
)
def test_more_than_a_list_of_pairs_is_left_to_tokenizers(model: dict[str, object]) -> None:
    tokenizer = byte_level([("a", "b"), ("b", "c"), ("a", "bc")])
    state = json.loads(tokenizer.to_str())
    state["model"] |= model
    tokenizer = Tokenizer.from_str(json.dumps(state))
    pieces = ["abc", "bc", "abb", "abbc"]
    assert by_pairs(tokenizer, pieces) == alone(tokenizer, pieces)


@pytest.mark.parametrize("special", ["ab", "abc"])
def test_a_special_token_that_is_made_of_others_is_left_to_tokenizers(special: str) -> None:
    tokenizer = byte_level([("a", "b"), ("ab", "c")])
    tokenizer.add_special_tokens([special])
    tokenizer.encode_special_tokens = True
    pieces = ["abc", "ab", "aab"]
    assert by_pairs(tokenizer, pieces) == alone(tokenizer, pieces)


def test_tokens_that_are_not_written_in_bytes_are_left_to_tokenizers() -> None:
    state = json.loads(byte_level([("a", "b")]).to_str())
    vocab = state["model"]["vocab"]
    vocab[" "] = vocab.pop("Ġ")
    tokenizer = Tokenizer.from_str(json.dumps(state))
    assert by_pairs(tokenizer, ["a", " "]) == alone(tokenizer, ["a", " "])


def test_none_of_the_tokens_that_are_learnt_from_text_is_in_doubt() -> None:
    """So that nearly all goes the fast way."""
    texts = ["the cat sat on the mat, the rat sat on the cat" * 20, "天地玄黄，宇宙洪荒。天地" * 20]
    tokenizer = byte_level_bpe(texts, 400)
    assert BytePairs(tokenizer).is_sure.sum() == tokenizer.get_vocab_size() - len(SPECIAL_TOKENS)


def test_a_text_of_many_new_words_is_encoded_as_one_of_few() -> None:
    """Beyond some number of new pieces the other library does it."""
    tokenizer = byte_level([("b", "a"), ("a", "b"), ("ba", "b"), ("a", "bab"), ("Ġ", "a")])
    words = [f"{number:b}".translate({48: "a", 49: "b"}) for number in range(3000)]
    texts = [" ".join(words[start : start + 100]) for start in range(0, 3000, 100)]
    encoder = WordEncoder(tokenizer)
    found = [ids.tolist() for text in texts for ids in encoder.encode([text])]
    assert found == alone(tokenizer, texts)
