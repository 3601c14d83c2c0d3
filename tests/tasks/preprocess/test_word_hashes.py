"""Words and runs of words are the same numbers where they are the same words, and only there."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.preprocess.word_hashes import blocks, hashed_words, places, word_runs

TEXTS = st.lists(st.text(alphabet="abAB19_,. \n-中文カé", max_size=30), max_size=6)


def reference(text: str) -> list[str]:
    return re.findall(r"[ab19_é]+|[中文カ]", text.lower())


@given(TEXTS)
def test_words_are_runs_of_letters_or_single_chinese_characters(texts: list[str]) -> None:
    words = hashed_words(texts)
    expected = [reference(text) for text in texts]
    assert np.diff(words.borders).tolist() == [len(each) for each in expected]
    flat = [word for each in expected for word in each]
    assert len(words.hashes) == len(flat)
    assert len(set(zip(flat, words.hashes.tolist(), strict=True))) == len(set(flat))
    assert len(set(words.hashes.tolist())) == len(set(flat))
    assert words.is_character.tolist() == [word in "中文カ" for word in flat]
    assert words.is_number.tolist() == [word[0] in "19" for word in flat]


@given(TEXTS, st.integers(1, 4))
def test_runs_are_all_windows_and_the_whole_of_a_shorter_text(
    texts: list[str], length: int
) -> None:
    expected = []
    for text in texts:
        words = reference(text)
        count = max(len(words) - length + 1, 1) if words else 0
        expected.append([tuple(words[start : start + length]) for start in range(count)])
    runs = word_runs(hashed_words(texts), length)
    assert np.diff(runs.borders).tolist() == [len(each) for each in expected]
    pairs = set(zip((r for each in expected for r in each), runs.hashes.tolist(), strict=True))
    assert len({run for run, _ in pairs}) == len({number for _, number in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ｐｙｔｈｏｎ ３", "python 3"),
        ("Don't — STOP!", "don t stop"),
        ("中文，好", "中文 好"),
        ("ΑΒΓ ДА", "αβγ да"),
        ("हिन्दी, भाषा", "हिन्दी भाषा"),
    ],
)
def test_case_width_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert hashed_words([one]).hashes.tolist() == hashed_words([other]).hashes.tolist()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("naïve café", 2),
        ("한국어 텍스트", 2),
        ("สวัสดี", 6),
        ("𠀀𠀁", 2),
        ("हिन्दी", 1),
        ("a\0b", 2),
        ("\ud800", 0),
        ("", 0),
    ],
)
def test_each_script_has_its_words(text: str, count: int) -> None:
    assert len(hashed_words([text]).hashes) == count


def test_numbers_are_the_same_on_every_machine() -> None:
    # Worked out with Python's integers from the definition in the module.
    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        return x ^ (x >> 31)

    m = 0x9E3779B97F4A7C15
    a, b = (mix((ord(c) + 1) * m % 2**64) for c in "ab")
    assert hashed_words(["x Ab"]).hashes[1] == mix((a + b * m) % 2**64)


@given(st.lists(st.text(max_size=9), max_size=9), st.integers(1, 20))
def test_blocks_are_all_texts_in_order(texts: list[str], characters: int) -> None:
    parts = [texts[block] for block in blocks(texts, characters)]
    assert [text for part in parts for text in part] == texts
    assert all(sum(map(len, part[:-1])) < characters for part in parts)


def test_places_count_on_from_each_start() -> None:
    assert places(np.array([7, 2, 4]), np.array([3, 0, 1])).tolist() == [7, 8, 9, 4]
