"""The law of the loss: constants come back out of points that were made with them."""

import pytest

from model.scaling import ScalingLaw, ScalingPoint, effective_bytes, fit_scaling_law

LAW = ScalingLaw(0.9, 300.0, 0.45, 2000.0, 0.6, 6.0, 0.8)
POINTS = [
    ScalingPoint(size, tokens, unique, LAW.loss(size, tokens, unique))
    for size in (1e5, 4e5, 2.5e6)
    for tokens in (1e5, 3e5, 1e6, 3e6, 9e6)
    for unique in (2e5, 1e6)
]


def test_the_fit_finds_the_constants_that_the_points_were_made_with() -> None:
    found = fit_scaling_law(POINTS)
    assert found.floor == pytest.approx(LAW.floor, rel=0.05)
    assert found.size_exponent == pytest.approx(LAW.size_exponent, rel=0.05)
    assert found.data_exponent == pytest.approx(LAW.data_exponent, rel=0.05)
    assert found.repetitions == pytest.approx(LAW.repetitions, rel=0.05)
    assert found.wear_exponent == pytest.approx(LAW.wear_exponent, rel=0.05)
    # Ten times larger and three times longer than any point.
    assert found.loss(2.5e7, 1e7, 1e7) == pytest.approx(LAW.loss(2.5e7, 1e7, 1e7), rel=0.005)


def test_a_size_that_does_not_matter_gets_no_negative_factor() -> None:
    points = [
        ScalingPoint(size, tokens, 1e9, 1 + 500 / tokens**0.5 + 1e-9 * size)
        for size in (1e5, 1e6)
        for tokens in (1e5, 2e5, 4e5, 8e5)
    ]
    found = fit_scaling_law(points)
    assert found.size_factor >= 0 and found.floor >= 0 and found.data_factor > 0
    assert found.loss(1e6, 4e5, 1e9) == pytest.approx(1 + 500 / 4e5**0.5, rel=0.005)


def test_repeated_text_counts_less_each_time() -> None:
    # By hand: U = 1 MB, D = 3 MB, so R = 2; with r = 2: 1 + 1 x 2 x (1 - 1/e) = 2.2642.
    assert float(effective_bytes(3e6, 1e6, 2.0, 1.0)) == pytest.approx(2.2642e6, rel=1e-4)
    assert float(effective_bytes(8e5, 1e6, 2.0, 1.0)) == 8e5  # the text is not through yet
    # However often: no more than 1 + r times the text.
    assert float(effective_bytes(1e9, 1e6, 2.0, 1.0)) == pytest.approx(3e6)
    # A text of half the size wears out twice as fast: r = 1.
    assert float(effective_bytes(1e9, 5e5, 2.0, 1.0)) == pytest.approx(1e6)


def test_too_few_points_are_refused() -> None:
    with pytest.raises(ValueError, match="7 points"):
        fit_scaling_law(POINTS[:7])
