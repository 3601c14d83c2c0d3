"""The learning rate over the steps."""

import math
from typing import get_args

import pytest

from model.schedule import Schedule, learning_rate_factor


def factors(schedule: str, steps: int = 12, warmup_steps: int = 2) -> list[float]:
    return [
        learning_rate_factor(step, steps, warmup_steps=warmup_steps, schedule=schedule)
        for step in range(steps)
    ]


@pytest.mark.parametrize("schedule", get_args(Schedule))
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


def test_step_drops_by_the_factor_after_each_share() -> None:
    # Ten steps after the warm-up; a share of 0.3 is three of them.
    made = [
        learning_rate_factor(
            step, 12, warmup_steps=2, schedule="step", decay_share=0.3, decay_factor=0.5
        )
        for step in range(2, 12)
    ]
    assert made == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_exponential_falls_by_the_same_share_each_step_to_the_factor() -> None:
    made = factors("exponential")[2:]
    assert made == pytest.approx([0.1 ** (step / 10) for step in range(10)])
    assert learning_rate_factor(12, 12, warmup_steps=2, schedule="exponential") == 0.1


def test_wsd_stays_and_then_comes_down_to_zero_in_the_last_share() -> None:
    # The last 30 % of ten steps are three: 1 before them, then 1, 2/3, 1/3, and the next would be 0.
    assert factors("wsd")[2:] == pytest.approx([1] * 8 + [2 / 3, 1 / 3])
    assert learning_rate_factor(12, 12, warmup_steps=2, schedule="wsd") == 0
