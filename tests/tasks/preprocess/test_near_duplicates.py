"""Near duplicates are found at the similarity that was asked for, and nothing else is."""

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.params import NearDuplicatesParams
from tasks.preprocess.minhash import band_keys, similarities
from tasks.preprocess.near_duplicates import DisjointSets, clusters

ENGLISH = [f"{a}{b}{c}" for a, b, c in itertools.product("bdfgklmn", "aeiou", "prstvz")]
CHINESE = [chr(code) for code in range(0x4E00, 0x4E00 + 1500)]
PAIRS, WORDS = 250, 180

Join = Callable[[list[str]], str]
LANGUAGES = [
    pytest.param(ENGLISH, " ".join, id="English"),
    pytest.param(CHINESE, "".join, id="Chinese"),
]


def jaccard(one: list[str], other: list[str], shingle: int = 5) -> float:
    first, second = (
        {tuple(words[start : start + shingle]) for start in range(len(words) - shingle + 1)}
        for words in (one, other)
    )
    return len(first & second) / len(first | second)


def planted(
    similarity: float, vocabulary: list[str], generator: random.Random
) -> tuple[list[str], list[str], float]:
    """Two lists of words as similar as asked for, or the least bit more."""
    one = generator.choices(vocabulary, k=WORDS)
    other = list(one)
    while True:
        changed = list(other)
        changed[generator.randrange(WORDS)] = generator.choice(vocabulary)
        if jaccard(one, changed) < similarity:
            return one, other, jaccard(one, other)
        other = changed


@pytest.mark.parametrize(("vocabulary", "join"), LANGUAGES)
def test_recall_and_precision_on_planted_pairs(vocabulary: list[str], join: Join) -> None:
    generator = random.Random(5)
    alike = [planted(0.8, vocabulary, generator) for _ in range(PAIRS)]
    less = [planted(0.65, vocabulary, generator) for _ in range(PAIRS)]
    assert all(0.8 <= similarity < 0.86 for _, _, similarity in alike)
    assert all(0.65 <= similarity < 0.75 for _, _, similarity in less)
    pairs = [*alike, *less]
    texts = [join(words) for one, other, _ in pairs for words in (one, other)]
    first = clusters(texts, NearDuplicatesParams())
    together = first[1::2] == np.arange(0, len(texts), 2)
    recall = together[:PAIRS].mean()
    wrong = together[PAIRS:].sum() + (first[::2] != np.arange(0, len(texts), 2)).sum()
    precision = together[:PAIRS].sum() / (together.sum() + wrong)
    print(f"at Jaccard 0.8: recall {recall:.4f}, precision {precision:.4f}")
    # By the formula 1 - (1 - 0.8^6)^20 = 0.9977 of them share a key.
    assert recall >= 0.985
    assert precision == 1.0


@pytest.mark.parametrize(("similarity", "bands", "rows"), [(0.8, 14, 8), (0.6, 6, 4), (0.4, 4, 3)])
def test_a_common_key_is_as_likely_as_the_formula_says(
    similarity: float, bands: int, rows: int
) -> None:
    generator = random.Random(11)
    pairs = [planted(similarity, CHINESE, generator) for _ in range(PAIRS)]
    expected = [1 - (1 - each**rows) ** bands for _, _, each in pairs]
    texts = ["".join(words) for one, other, _ in pairs for words in (one, other)]
    params = NearDuplicatesParams(jaccard=None, bands=bands, rows=rows)
    found = (clusters(texts, params)[1::2] == np.arange(0, len(texts), 2)).sum()
    deviation = sum(chance * (1 - chance) for chance in expected) ** 0.5
    assert abs(found - sum(expected)) < 4 * deviation


@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=12).map(" ".join), min_size=1, max_size=8),
    st.integers(1, 3),
)
def test_similarities_are_those_of_the_sets(texts: list[str], shingle: int) -> None:
    def shingles(text: str) -> set[tuple[str, ...]]:
        words = text.split()
        count = max(len(words) - shingle + 1, 1) if words else 0
        return {tuple(words[start : start + shingle]) for start in range(count)}

    left, right = np.array(list(itertools.product(range(len(texts)), repeat=2))).T
    expected = []
    for a, b in zip(left, right, strict=True):
        one, other = shingles(texts[a]), shingles(texts[b])
        expected.append(len(one & other) / max(len(one | other), 1))
    assert similarities(texts, left, right, shingle=shingle).tolist() == expected


def test_pairs_are_compared_in_parts_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(random.Random(n // 2).choices(ENGLISH, k=40)) for n in range(20)]
    left, right = np.arange(19), np.arange(1, 20)
    whole = similarities(texts, left, right, shingle=2)
    monkeypatch.setattr("tasks.preprocess.minhash.CHARACTERS_AT_ONCE", 500)
    assert similarities(texts, left, right, shingle=2).tolist() == whole.tolist()
    assert whole[::2].tolist() == [1.0] * 10 and max(whole[1::2]) < 0.1


@given(st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30))
def test_sets_are_the_connected_parts_named_by_their_first(pairs: list[tuple[int, int]]) -> None:
    sets = DisjointSets(20)
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    sets.join(left, right)
    expected = list(range(20))
    for _ in range(20):
        for a, b in pairs:
            expected[a] = expected[b] = min(expected[a], expected[b])
    assert sets.first.tolist() == expected


def test_a_row_of_pairs_is_one_cluster_and_its_first_stays() -> None:
    words = ENGLISH[:100]
    # Each step changes 4 words at one end or the other: 8 of 96 shingles, a Jaccard of 0.92, or less.
    texts = [" ".join(words[step : step + 60]) for step in (4, 0, 8, 12)]
    assert clusters([*texts, "nothing like it"], NearDuplicatesParams()).tolist() == [0, 0, 0, 0, 4]


def test_pages_of_one_template_that_differ_stay_apart() -> None:
    # Half of each page is the same: a Jaccard of a third, and yet some keys in common.
    frame = " ".join(ENGLISH[:40])
    generator = random.Random(2)
    texts = [f"{frame} {' '.join(generator.choices(ENGLISH, k=40))}" for _ in range(80)]
    loose = NearDuplicatesParams(bands=30, rows=2)
    assert clusters(texts, loose).tolist() == list(range(80))
    again = [*texts, *texts]
    assert clusters(again, loose).tolist() == [*range(80), *range(80)]


def test_texts_without_words_and_no_texts_at_all_are_no_duplicates() -> None:
    for params in (NearDuplicatesParams(), NearDuplicatesParams(jaccard=None)):
        assert clusters(["...", "?!", "", "a b", "A, b!"], params).tolist() == [0, 1, 2, 3, 3]
        assert clusters([], params).tolist() == []


def test_keys_depend_on_the_text_alone() -> None:
    texts = [" ".join(random.Random(n).choices(ENGLISH, k=30 + n)) for n in range(50)]
    options = {"shingle": 3, "bands": 4, "rows": 2}
    alone = np.concatenate([band_keys([text], **options).keys for text in texts], axis=1)
    assert np.array_equal(band_keys(texts, **options).keys, alone)
