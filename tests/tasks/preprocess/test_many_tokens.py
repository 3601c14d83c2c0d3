"""N-grams of long texts are counted in another way, with the same result."""

from random import Random

import pytest

from tasks.preprocess.quality.many_tokens import n_gram_characters_of_many
from tasks.preprocess.quality.statistics import Statistics, n_gram_characters


@pytest.mark.parametrize("seed", range(40))
def test_the_counts_are_those_of_short_texts(seed: int) -> None:
    random = Random(seed)
    vocabulary = [random.choice("abcdefg") * random.randint(1, 4) for _ in range(1 + seed % 9)]
    tokens = random.choices(vocabulary, k=random.choice([0, 1, 3, 12, 60, 400]))
    for top, duplicate in (([2, 3, 4], [5, 6, 7, 8, 9, 10]), ([3, 5, 6], [8, 9, 11, 16])):
        for gap in (0, 1):
            expected = n_gram_characters(tokens, top, duplicate, gap=gap)
            assert n_gram_characters_of_many(tokens, top, duplicate, gap=gap) == expected


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_text_is_judged_alike_on_both_sides_of_the_border(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(Random(1).choices("我们在这里说的话是很多的 and words 。", k=3_000)) * 2
    short = Statistics(text, lang).n_grams
    monkeypatch.setattr("tasks.preprocess.quality.statistics.MANY_TOKENS", 0)
    assert Statistics(text, lang).n_grams == short and min(short[0]) > 0
