"""The floors: arithmetic by hand, and texts that xz must find easy or hard."""

import math
import random
import string
from collections import Counter
from pathlib import Path

import pytest

from chatwright.errors import CorpusTooSmall
from model.tokenizer import ChatTokenizer
from tasks.documents import Document, FolderTexts, write_documents
from tasks.evaluate import floors
from tasks.evaluate.floors import smoothed, unigram, xz


def test_the_unseen_share_what_new_tokens_had_in_training() -> None:
    # 4 tokens of 2 kinds: new tokens get 2/6, the two unseen kinds 1/6 each.
    probabilities = smoothed(Counter({0: 3, 1: 1}), [0, 1, 2, 3], vocab_size=4)
    assert probabilities == pytest.approx([3 / 6, 1 / 6, 1 / 6, 1 / 6])


@pytest.mark.parametrize("counts", [{}, {0: 5}, {0: 1, 1: 1, 2: 1}, {0: 9, 1: 2, 2: 3, 3: 1}])
def test_probabilities_add_up_to_one(counts: dict[int, int]) -> None:
    assert sum(smoothed(Counter(counts), range(4), vocab_size=4)) == pytest.approx(1)


def test_a_unigram_costs_the_logarithm_of_each_frequency(tokenizer: ChatTokenizer) -> None:
    ids = tokenizer.encode("x")
    assert len(ids) == 1
    # Training: x, end, x, end. Two kinds of 2 each; N = 4, T = 2: each has 2 / 6.
    score = unigram(tokenizer, ["x", "x"], ["x"])
    assert score.tokens == 2
    assert score.bits_per_byte == pytest.approx(2 * math.log2(3))
    assert score.perplexity == pytest.approx(3)


def test_an_unseen_token_costs_a_share_of_what_is_left(tokenizer: ChatTokenizer) -> None:
    # As above, but y was never seen: 2/6 of the probability among the other kinds.
    score = unigram(tokenizer, ["x", "x"], ["y"])
    assert score.bits_per_byte == pytest.approx(
        math.log2(3 * (tokenizer.vocab_size - 2)) + math.log2(3)
    )


def test_a_text_that_was_trained_on_costs_xz_next_to_nothing() -> None:
    noise = random.Random(1)
    text = "".join(noise.choices(string.ascii_letters, k=20_000))
    # A match is at most 273 bytes long: 74 of them at some 5 bits, for 20,000 bytes.
    assert xz([text], [text]) < 0.03


def test_noise_costs_xz_what_it_holds() -> None:
    noise = random.Random(2)
    training, held_out = ("".join(noise.choices("0123456789abcdef", k=40_000)) for _ in range(2))
    # A hexadecimal digit holds 4 bits; no match helps, so xz comes close and cannot go below.
    assert 3.99 < xz([training], [held_out]) < 4.4


def test_training_text_makes_related_text_cheaper() -> None:
    training = ["Return the size of a file.", "Return the name of a directory."]
    held_out = ["Return the size of a directory."]
    assert xz(training, held_out) < xz([], held_out)


def test_xz_of_nothing_is_an_error() -> None:
    with pytest.raises(CorpusTooSmall, match="no held-out text"):
        xz(["something"], [])


TRAINING = ["".join(random.Random(seed).choices("copy a file ", k=400)) for seed in range(30)]
HELD_OUT = ["Copy a file or a directory.", "a file"]


def test_a_folder_of_texts_costs_what_the_texts_do(
    tokenizer: ChatTokenizer, tmp_path: Path
) -> None:
    write_documents(
        [Document(f"s/{n:02d}", "s", "T", text, "en") for n, text in enumerate(TRAINING)], tmp_path
    )
    assert unigram(tokenizer, FolderTexts(tmp_path), HELD_OUT) == unigram(
        tokenizer, TRAINING, HELD_OUT
    )
    assert xz(FolderTexts(tmp_path), HELD_OUT) == xz(TRAINING, HELD_OUT)


def test_of_a_large_training_text_every_nth_document_is_taken(
    tokenizer: ChatTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = TRAINING[::3]
    expected = unigram(tokenizer, third, HELD_OUT), xz(third, HELD_OUT)
    assert expected[0] != unigram(tokenizer, TRAINING, HELD_OUT)
    for name in ("UNIGRAM_TRAINING_BYTES", "XZ_TRAINING_BYTES"):
        monkeypatch.setattr(floors, name, 30 * 400 // 3)
    assert (unigram(tokenizer, TRAINING, HELD_OUT), xz(TRAINING, HELD_OUT)) == expected


def test_how_many_texts_are_encoded_at_once_changes_nothing(
    tokenizer: ChatTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = unigram(tokenizer, TRAINING, HELD_OUT)
    for characters in (1, 900):
        monkeypatch.setattr(floors, "BATCH_CHARACTERS", characters)
        assert unigram(tokenizer, TRAINING, HELD_OUT) == expected
