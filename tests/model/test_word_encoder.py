"""Texts encoded by pieces: the ids that the tokenizer alone gives, whatever the text."""

import shutil
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

from model import word_encoder
from model.tokenizer import ChatTokenizer
from model.word_encoder import WordEncoder, cuts_into_pieces, has_new_characters
from model.word_pieces import PIECES, pieces_of, pieces_then_bytes

# What the pattern tells apart, often side by side.
PARTS = ["'s", "'LL", "'ſ", "\r\n", "\n", " ", "\u00a0", "\t", "\x1c", "a", "é", "你好", "1", "²", "½",
         "ⅷ", "_", "...", "<|im_end|>", "\u0301", "🙂", "\u200d", "\ufeff", "\U000f0000", "\u088f"]  # fmt: skip
TEXTS = st.text() | st.lists(st.sampled_from(PARTS) | st.text(max_size=3)).map("".join)


@pytest.fixture(scope="module")
def folder(tokenizer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tokenizer of these tests, cutting text as ours do."""
    copy = tmp_path_factory.mktemp("pieces") / "tokenizer"
    shutil.copytree(tokenizer_folder, copy)
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    tokenizer.pre_tokenizer = pieces_then_bytes()
    tokenizer.save(str(copy / "tokenizer.json"))
    return copy


@pytest.fixture(scope="module")
def alone(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> ChatTokenizer:
    return ChatTokenizer.load(folder)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
@example(texts=["", "\u088f a", "a"])
def test_each_text_has_the_ids_that_the_tokenizer_alone_gives(
    alone: Tokenizer, texts: list[str]
) -> None:
    encoder = WordEncoder(alone)
    expected = [each.ids for each in alone.encode_batch(texts, add_special_tokens=False)]
    for _ in range(2):  # the second time, all pieces are known
        assert [ids.tolist() for ids in encoder.encode(texts)] == expected


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_comes_back_from_its_ids(tokenizer: ChatTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.decode(tokenizer.encode_batch([text])[0]) == text


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
@example(text="a\n\n b!\nc\n\u088f d\r\ne\n")
def test_a_long_text_that_is_taken_in_parts_has_the_same_ids(alone: Tokenizer, text: str) -> None:
    expected = alone.encode(text, add_special_tokens=False).ids
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_encoder, "PART_CHARACTERS", 2)
        patch.setattr(word_encoder, "BATCH_CHARACTERS", 5)
        found = WordEncoder(alone).encode([text, "a\nb", text])
    assert [ids.tolist() for ids in (found[0], found[2])] == [expected, expected]


def test_a_long_text_takes_little_more_memory_than_itself_and_its_ids(alone: Tokenizer) -> None:
    text = "".join(f"line {number}\n" for number in range(300_000))
    tracemalloc.start()
    try:
        [ids] = WordEncoder(alone).encode([text])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The text's parts, the ids, and the ids in one; its pieces alone would take 60 bytes each.
    assert peak < len(text) + 2 * ids.nbytes + 40 * 2**20


def test_pieces_are_forgotten_when_there_are_too_many_and_the_ids_stay_right(
    alone: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_encoder, "MOST_IDS", 20)
    monkeypatch.setattr(word_encoder, "BATCH_CHARACTERS", 30)
    texts = [f"alpha{n} beta{'x' * n} gamma delta\n" for n in range(30)]
    encoder = WordEncoder(alone)
    expected = [each.ids for each in alone.encode_batch(texts, add_special_tokens=False)]
    found = encoder.encode(texts)
    assert [ids.tolist() for ids in found] == expected
    assert all(ids.dtype == np.int32 for ids in found)


def test_a_tokenizer_that_cuts_otherwise_is_left_to_itself(alone: Tokenizer) -> None:
    assert cuts_into_pieces(alone)
    for change in ("normalizer", "pre_tokenizer", "added", "special"):
        other = Tokenizer.from_str(alone.to_str())
        other.encode_special_tokens = change != "special"
        if change == "normalizer":
            other.normalizer = normalizers.NFC()
        elif change == "pre_tokenizer":
            other.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        elif change == "added":
            other.add_tokens(["hello there"])
        assert not cuts_into_pieces(other), change
        text = "e\u0301 hello there, 12\n"
        expected = other.encode(text, add_special_tokens=False).ids
        assert [ids.tolist() for ids in WordEncoder(other).encode([text])] == [expected]


BASIC = st.characters(max_codepoint=0xFFFF, categories=None)
CONTEXTS = ["{0}", "a{0}a", " {0}{0}1", "'{0}a", "\n{0}\n", ".{0}\r", " \t{0} x", "'l{0}", "'{0}e"]


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(PARTS) | st.text(BASIC, max_size=4)).map("".join) | TEXTS)
@example(text="'ſ 'S 'K \x1c\x85\u2028a\ud800b\u2160\u4e00")
@example(text="'ſ \x1c\U00020000")
def test_pieces_are_those_of_the_published_pattern(text: str) -> None:
    assert pieces_of(text) == regex.findall(PIECES, text)


def test_pieces_are_so_around_every_character() -> None:
    cut = regex.compile(PIECES).findall
    for point in range(0x10000):
        text = "\n".join(context.format(chr(point)) for context in CONTEXTS)
        assert pieces_of(text) == cut(text), hex(point)


@pytest.mark.slow
def test_both_libraries_cut_alike_around_every_character_that_is_not_new() -> None:
    cut = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    different = [
        hex(point)
        for point in range(sys.maxunicode + 1)
        if not 0xD800 <= point < 0xE000 and not has_new_characters(chr(point))
        and not (0xF0100 <= point and point % 997)  # private use: a sample
        for text in ["\n".join(context.format(chr(point)) for context in CONTEXTS)]
        if pieces_of(text) != [piece for piece, _ in cut.pre_tokenize_str(text)]
    ]  # fmt: skip
    assert different == []
