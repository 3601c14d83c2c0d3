"""N-grams of long texts are counted in another way, with the same result."""

import tracemalloc
from random import Random

import pytest

from tasks.preprocess.quality import many_tokens
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


@pytest.mark.parametrize("seed", range(20))
def test_what_stands_in_a_repetition_is_not_seen(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts of a few passages that are cut and joined anew, so that repetitions overlap."""
    monkeypatch.setattr(many_tokens, "PIECE", 7)
    random = Random(seed)
    source = random.choices(["a", "bb", "ccc", "dddd"], k=40)
    tokens: list[str] = []
    for _ in range(60):
        start = random.randrange(30)
        tokens += source[start : start + random.randint(1, 12)]
    sizes = list(range(2, 12))
    expected = n_gram_characters(tokens, [], sizes, gap=0)
    assert n_gram_characters_of_many(tokens, [], sizes, gap=0) == expected


def test_a_text_that_repeats_itself_takes_no_more_memory_than_numbers_do() -> None:
    line = [str(number) for number in Random(2).choices(range(1_000), k=100_000)]
    tokens = line * 2
    tracemalloc.start()
    _, (characters,) = n_gram_characters_of_many(tokens, [], [10], gap=0)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert characters == sum(map(len, line))
    assert most < 130 * len(tokens), "bytes: what is sorted takes 110"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_text_is_judged_alike_on_both_sides_of_the_border(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(Random(1).choices("我们在这里说的话是很多的 and words 。", k=3_000)) * 2
    short = Statistics(text, lang).n_grams
    monkeypatch.setattr("tasks.preprocess.quality.statistics.MANY_TOKENS", 0)
    assert Statistics(text, lang).n_grams == short and min(short[0]) > 0
