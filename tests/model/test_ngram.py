"""Kneser-Ney n-grams against arithmetic by hand, against NLTK, and as probabilities."""

import numpy as np
import pytest

from chatwright.errors import BadParameter
from model.ngram import FALLBACK, KneserNey

DOCUMENTS = [[0, 1, 2, 3, 1, 2, 4, 0], [0, 2, 3, 1, 2, 3, 0], [0, 1, 2, 1, 2, 3, 4, 0]]


def in_rows(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """One row of all of them."""
    ids = np.array([[token for document in documents for token in document]], np.int32)
    positions = np.array([[n for document in documents for n in range(len(document))]], np.int32)
    return ids, positions


def random_rows(order: int) -> KneserNey:
    """Counted on 2,560 tokens of 50 kinds, most of them rare, in documents of 20."""
    ids = np.random.default_rng(0).zipf(1.5, (40, 64)) % 50
    return KneserNey(ids, np.tile(np.arange(64) % 20, (40, 1)), vocab_size=50, order=order)


def test_a_bigram_model_by_hand() -> None:
    # Given 0, then 1 2 1 0: the events (0 1), (1 2), (2 1), (1 0), each once.
    model = KneserNey(*in_rows([[0, 1, 2, 1, 0]]), vocab_size=3, order=2)
    assert model.discounts == [FALLBACK, FALLBACK]  # no count is 3: nothing to estimate from
    # Unigrams by what comes before them: 1 follows 0 and 2, 2 follows 1, 0 follows 1; 4 in all.
    # 0 and 2 have (1 - 0.5) / 4, 1 has (2 - 1) / 4, and the discounts, 0.5 + 0.5 + 1, go evenly
    # to all three: 2 / 4 / 3.
    unigrams = np.array([0.5, 1, 0.5]) / 4 + 2 / 4 / 3
    # After 1 came 2 and 0, once each: (1 - 0.5) / 2 of each, and (0.5 + 0.5) / 2 handed down.
    expected = np.array([0.25, 0, 0.25]) + 0.5 * unigrams
    np.testing.assert_allclose(model.distribution([0, 1]), expected, rtol=1e-12)
    # After 2 came 1 only: 0.5, and 0.5 handed down.
    np.testing.assert_allclose(
        model.distribution([0, 2]), np.array([0, 0.5, 0]) + 0.5 * unigrams, rtol=1e-12
    )


def test_discounts_are_chen_and_goodmans() -> None:
    # Unigram model: counts 1, 1, 1, 2, 2, 3, 4 of the tokens 1 to 7; n1 to n4 are 3, 2, 1, 1.
    tokens = [token for token, count in enumerate([1, 1, 1, 2, 2, 3, 4], 1) for _ in range(count)]
    model = KneserNey(*in_rows([[0, *tokens]]), vocab_size=8, order=1)
    y = 3 / (3 + 2 * 2)
    assert model.discounts[0] == pytest.approx(
        (1 - 2 * y * 2 / 3, 2 - 3 * y * 1 / 2, 3 - 4 * y * 1 / 1)
    )
    d1, d2, d3 = model.discounts[0]
    handed_down = (3 * d1 + 2 * d2 + 2 * d3) / 14 / 8
    assert model.distribution([])[7] == pytest.approx((4 - d3) / 14 + handed_down)
    assert model.distribution([])[0] == pytest.approx(handed_down)


# nltk.lm 3.10.4, KneserNeyInterpolated(3, discount=0.1).unmasked_score(token, context), counted on
# the same n-grams; it has one discount for all counts, and none for unigrams.
NLTK = {
    (1, 2): [0.0009, 0.19485, 0.0009, 0.60895, 0.1944],
    (2, 3): [0.249, 0.49975, 0.0015, 0.00075, 0.249],
    (3, 1): [0.0003333333, 0.0005, 0.9986666667, 0.0001666667, 0.0003333333],
    (2, 4): [0.996, 0.0015, 0.001, 0.0005, 0.001],
}


@pytest.mark.parametrize("context", NLTK)
def test_with_nltks_discounts_it_is_nltks_model(context: tuple[int, int]) -> None:
    one = (0.1, 0.1, 0.1)
    model = KneserNey(
        *in_rows(DOCUMENTS), vocab_size=5, order=3, discounts=[(0.0, 0.0, 0.0), one, one]
    )
    np.testing.assert_allclose(model.distribution([0, 0, *context]), NLTK[context], atol=1e-10)


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("context", [[], [1], [1, 2, 3], [7, 1, 29, 49, 13], [49, 48, 47, 46, 45]])
def test_probabilities_sum_to_one_and_none_is_zero(order: int, context: list[int]) -> None:
    shares = random_rows(order).distribution(context)
    assert shares.sum() == pytest.approx(1, abs=1e-12) and shares.min() > 0


def test_tokens_of_a_text_are_scored_as_one_by_one() -> None:
    model = random_rows(5)
    documents = [[3, 1, 4, 1, 5, 9, 2, 6], [1, 1, 1]]
    ids, positions = in_rows(documents)
    expected = [
        0.0 if place == 0 else np.log(model.distribution(document[:place])[token])
        for document in documents
        for place, token in enumerate(document)
    ]
    np.testing.assert_allclose(model.log_probabilities(ids, positions)[0], expected, rtol=1e-10)


def test_no_ngram_crosses_a_documents_border() -> None:
    documents = [[0, 1, 2, 3], [0, 4, 3, 2]]
    together = KneserNey(*in_rows(documents), vocab_size=5, order=3)
    around = KneserNey(*in_rows(documents[::-1]), vocab_size=5, order=3)
    assert together.ngrams == around.ngrams
    ids, positions = in_rows([[0, 1, 4, 3, 2]])
    np.testing.assert_allclose(
        together.log_probabilities(ids, positions), around.log_probabilities(ids, positions)
    )


def test_filling_changes_nothing() -> None:
    ids, positions = in_rows(DOCUMENTS)
    filled = np.pad(ids, ((0, 0), (0, 9))), np.pad(positions, ((0, 0), (0, 9)))
    model, with_filling = (KneserNey(*rows, 5, order=3) for rows in ((ids, positions), filled))
    np.testing.assert_array_equal(model.distribution([1, 2]), with_filling.distribution([1, 2]))


def test_a_longer_memory_tells_a_repetitive_text_better() -> None:
    documents = [[0, 1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2, 4, 0]] * 20
    ids, positions = in_rows(documents)
    bits = [
        -KneserNey(ids, positions, 5, order=order).log_probabilities(ids, positions).sum()
        for order in (1, 2, 3, 4)
    ]
    assert bits == sorted(bits, reverse=True)


def test_an_order_of_nothing_is_refused() -> None:
    with pytest.raises(BadParameter, match="order: 0 is not above 0"):
        KneserNey(*in_rows(DOCUMENTS), vocab_size=5, order=0)
