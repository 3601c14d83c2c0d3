"""Paragraphs that stood before go; short ones and the rest of the text stay as they are."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tasks.preprocess.paragraphs import paragraph_hashes, repeated, without_paragraphs

NOTICE = "All rights are reserved by those who reserved them."
LONG = "Another paragraph that is long enough to count as one."
CHINESE = "版权所有，未经许可不得转载或者使用。"


class Unique(NamedTuple):
    texts: list[str]
    removed: list[int]


def without_repeated_paragraphs(texts: list[str]) -> Unique:
    hashes = [paragraph_hashes(text) for text in texts]
    gone = repeated(np.array([each for these in hashes for each in these], "S16"))
    ends = np.cumsum([len(these) for these in hashes])
    parts = np.split(gone, ends[:-1]) if texts else []
    left = [
        without_paragraphs(text, part.tolist()) if part.any() else text
        for text, part in zip(texts, parts, strict=True)
    ]
    return Unique(left, [int(part.sum()) for part in parts])


def test_the_first_stays_and_later_ones_go() -> None:
    texts = [f"A\n\n{NOTICE}", f"B\n\n{NOTICE}\n\nC", f"{CHINESE}\n\n{LONG}", f"D\n\n{CHINESE}"]
    unique = without_repeated_paragraphs(texts)
    assert unique.texts == [texts[0], "B\n\nC", texts[2], "D"]
    assert unique.removed == [0, 1, 0, 1]


def test_white_space_does_not_count_and_repeats_within_a_text_do() -> None:
    spread = NOTICE.replace(" ", "\n")
    unique = without_repeated_paragraphs([f"{NOTICE}\n \n{spread}\n\n\nend"])
    assert unique.texts == [f"{NOTICE}\n \nend"] and unique.removed == [1]


def test_short_paragraphs_stay_wherever_they_are() -> None:
    texts = ["Returns:\n\nNone", "Returns:\n\nNone"]
    assert without_repeated_paragraphs(texts).texts == texts


def test_a_text_of_repeated_paragraphs_ends_up_empty() -> None:
    assert without_repeated_paragraphs([NOTICE, NOTICE]).texts == [NOTICE, ""]


@given(st.lists(st.lists(st.sampled_from([NOTICE, LONG, CHINESE, "x", ""])).map("\n\n".join)))
def test_afterwards_each_long_paragraph_is_there_once(texts: list[str]) -> None:
    unique = without_repeated_paragraphs(texts)
    before, after = "\n\n".join(texts), "\n\n".join(unique.texts)
    for paragraph in (NOTICE, LONG, CHINESE):
        assert after.count(paragraph) == min(before.count(paragraph), 1)
    assert sum(unique.removed) == sum(
        max(before.count(paragraph) - 1, 0) for paragraph in (NOTICE, LONG, CHINESE)
    )
    assert without_repeated_paragraphs(unique.texts).removed == [0] * len(texts)
