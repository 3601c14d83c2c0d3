"""The learning rate over the steps."""

import math

import pytest

from model.schedule import learning_rate_factor


def factors(schedule: str, steps: int = 12, warmup_steps: int = 2) -> list[float]:
    return [
        learning_rate_factor(step, steps, warmup_steps=warmup_steps, schedule=schedule)
        for step in range(steps)
    ]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_learning_rate_climbs_in_equal_parts_to_its_highest(schedule: str) -> None:
    assert factors(schedule)[:3] == [0.5, 1.0, 1.0]


def test_linear_comes_down_in_equal_parts_and_would_be_zero_after_the_last_step() -> None:
    # Ten steps after the warm-up: 1, 0.9, ..., 0.1, and the next would be 0.
    assert factors("linear")[2:] == pytest.approx([1 - tenth / 10 for tenth in range(10)])
    assert learning_rate_factor(12, 12, warmup_steps=2, schedule="linear") == 0


def test_cosine_is_at_half_in_the_middle() -> None:
    assert factors("cosine")[7] == pytest.approx(0.5)
    assert factors("cosine")[3] == pytest.approx((1 + math.cos(math.pi / 10)) / 2)


def test_constant_stays() -> None:
    assert set(factors("constant")[2:]) == {1.0}
