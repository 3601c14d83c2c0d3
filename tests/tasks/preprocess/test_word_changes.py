"""EDA's changes: so many words as the rate says, and nothing else."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.preprocess.word_changes import Words, segmenter

TEXT = "The film, which I saw twice, isn't bad at all: well-made and quick."
# Thirteen words: The film which I saw twice isn't bad at all well-made and quick.
WORDS = TEXT.replace(",", "").replace(":", "").replace(".", "").split()


def test_words_keep_their_apostrophes_and_hyphens_and_the_rest_stays_between() -> None:
    words = Words.of(TEXT, None)
    assert words.words == WORDS and len(WORDS) == 13
    assert str(words) == TEXT


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_any_text_comes_together_again(text: str) -> None:
    assert str(Words.of(text, None)) == text


# Of 13 words: a share of 0.1 is one, 0.25 three, 0.01 one all the same.
@pytest.mark.parametrize(("rate", "touched"), [(0.1, 1), (0.25, 3), (0.01, 1), (0.5, 6)])
def test_a_change_touches_the_share_of_words_that_it_is_told(rate: float, touched: int) -> None:
    words = Words.of(TEXT, None)
    for seed in range(20):
        replaced = words.replaced(rate, Random(seed), lambda word: "xyz").words
        assert sum(a != b for a, b in zip(WORDS, replaced, strict=True)) == touched
        inserted = words.inserted(rate, Random(seed), lambda word: "xyz")
        assert [word for word in inserted.words if word != "xyz"] == WORDS
        assert inserted.words.count("xyz") == touched
        deleted = words.deleted(rate, Random(seed)).words
        assert len(deleted) == 13 - touched and not Counter(deleted) - Counter(WORDS)
        swapped = words.swapped(rate, Random(seed)).words
        assert sorted(swapped) == sorted(WORDS)
        assert 2 <= sum(a != b for a, b in zip(WORDS, swapped, strict=True)) <= 2 * touched


def test_what_is_changed_still_reads_as_those_words() -> None:
    for seed in range(50):
        for changed in (
            Words.of(TEXT, None).deleted(0.3, Random(seed)),
            Words.of(TEXT, None).inserted(0.3, Random(seed), lambda word: "xyz"),
        ):
            assert Words.of(str(changed), None).words == changed.words
            assert "  " not in str(changed) and not str(changed).startswith(" ")


def test_a_word_without_another_one_is_passed_over() -> None:
    only = Words.of(TEXT, None).replaced(
        0.5, Random(1), lambda word: "poor" if word == "bad" else None
    )
    assert str(only) == TEXT.replace("bad", "poor")
    assert str(Words.of(TEXT, None).inserted(0.5, Random(1), lambda word: None)) == TEXT


def test_no_text_is_left_without_a_word() -> None:
    assert Words.of("Wonderful!", None).deleted(1, Random(1)).words == ["Wonderful"]
    assert str(Words.of("Wonderful!", None).swapped(1, Random(1))) == "Wonderful!"


def test_chinese_is_changed_by_words_and_gets_no_spaces() -> None:
    pytest.importorskip("rjieba")
    text = "这家酒店的服务非常好，房间也很干净。"
    words = Words.of(text, segmenter())
    assert words.words == ["这家", "酒店", "的", "服务", "非常", "好", "房间", "也", "很", "干净"]
    assert str(words) == text
    for seed in range(20):
        deleted = words.deleted(0.2, Random(seed))
        assert len(deleted.words) == 8 and " " not in str(deleted)
        inserted = words.inserted(0.2, Random(seed), lambda word: "便宜")
        assert inserted.words.count("便宜") == 2 and " " not in str(inserted)
        assert sorted(str(words.swapped(0.2, Random(seed)))) == sorted(text)
