"""What loss to expect of a model's size, of the tokens it sees and of how often it sees them.

The law is Chinchilla's (Hoffmann et al. 2022, arXiv:2203.15556, equation 2),

    L(N, D) = E + A / N^a + B / D'^b

with the tokens D discounted where they repeat (Muennighoff et al. 2023, arXiv:2305.16264,
equation 5): of U different tokens seen D / U = 1 + R times, what counts is

    D' = U + U r (1 - exp(-R / r))

so that each repetition is worth a little less than the one before; r says how many repetitions it
takes to use a text up.

Notable choices: relative errors are squared and summed, so that a per cent counts the same at the
top as at the bottom. With the exponents and r given, E, A and B follow from linear least squares;
so only three numbers are searched, on a grid that closes in, and no start has to be guessed. E, A
and B are not negative.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_POINTS = 7
"""The law has six constants."""

_GRID_POINTS = 7
_ROUNDS = 7
_BOUNDS = np.log([[0.05, 2.0], [0.05, 2.0], [0.5, 200.0]])
"""Of a, b and r, on the scale on which they are searched."""


@dataclass(frozen=True)
class ScalingPoint:
    """One finished run: ``parameters`` N, ``tokens`` D, ``unique_tokens`` U, and its loss."""

    parameters: float
    tokens: float
    unique_tokens: float
    loss: float


@dataclass(frozen=True)
class ScalingLaw:
    """The fitted constants; names as in the equations, ``repetitions`` is r."""

    floor: float
    size_factor: float
    size_exponent: float
    data_factor: float
    data_exponent: float
    repetitions: float

    def loss(self, parameters: float, tokens: float, unique_tokens: float) -> float:
        """The loss to expect, in the points' unit."""
        seen = effective_tokens(tokens, unique_tokens, self.repetitions)
        return float(
            self.floor
            + self.size_factor / parameters**self.size_exponent
            + self.data_factor / seen**self.data_exponent
        )


def effective_tokens(
    tokens: float | np.ndarray, unique_tokens: float | np.ndarray, repetitions: float
) -> np.ndarray:
    """D': how many fresh tokens would be worth as much.

    >>> float(effective_tokens(500, 1000, 5.0))  # nothing is repeated
    500.0
    """
    unique = np.minimum(tokens, unique_tokens)
    again = np.asarray(tokens) / unique - 1
    return unique * (1 + repetitions * -np.expm1(-again / repetitions))


def fit_scaling_law(points: Sequence[ScalingPoint]) -> ScalingLaw:
    """Fit the law to finished runs.

    Raises:
        ValueError: there are fewer points than the law needs.
    """
    if len(points) < FEWEST_POINTS:
        raise ValueError(f"{len(points)} points cannot fix a law of {FEWEST_POINTS - 1} constants")
    table = np.array([[p.parameters, p.tokens, p.unique_tokens, p.loss] for p in points]).T
    centre, reach = _BOUNDS.mean(1), (_BOUNDS[:, 1] - _BOUNDS[:, 0]) / 2
    best = _with_exponents(table, *np.exp(centre))
    for _ in range(_ROUNDS):
        axes = [
            np.unique(np.clip(np.linspace(c - r, c + r, _GRID_POINTS), low, high))
            for c, r, (low, high) in zip(centre, reach, _BOUNDS, strict=True)
        ]
        for place in itertools.product(*axes):
            found = _with_exponents(table, *np.exp(place))
            if found[0] < best[0]:
                best, centre = found, np.array(place)
        reach = reach / 2
    return best[1]


def _with_exponents(
    table: np.ndarray, a: float, b: float, repetitions: float
) -> tuple[float, ScalingLaw]:
    """The sum of squared relative errors at the best E, A and B, and the law with these."""
    sizes, tokens, unique, losses = table
    terms = np.stack(
        [
            np.ones_like(losses),
            (sizes / sizes.mean()) ** -a,
            (effective_tokens(tokens, unique, repetitions) / tokens.mean()) ** -b,
        ],
        axis=1,
    )
    error, (floor, size, data) = _not_negative_least_squares(terms / losses[:, None])
    return error, ScalingLaw(
        floor, size * sizes.mean() ** a, a, data * tokens.mean() ** b, b, repetitions
    )


def _not_negative_least_squares(terms: np.ndarray) -> tuple[float, np.ndarray]:
    """The factors, none below 0, with which the terms come nearest to 1 in each row.

    The best of those sets of terms whose own least squares are positive: with three terms, all
    seven sets are soon tried.
    """
    best, chosen = np.inf, np.zeros(terms.shape[1])
    wanted = np.ones(len(terms))
    for mask in itertools.product((True, False), repeat=terms.shape[1]):
        if not any(mask):
            continue
        some = terms[:, list(mask)]
        factors = np.linalg.lstsq(some, wanted, rcond=None)[0]
        error = float(((some @ factors - wanted) ** 2).sum())
        if (factors > 0).all() and error < best:
            best, chosen = error, np.zeros(terms.shape[1])
            chosen[list(mask)] = factors
            if all(mask):
                break
    return best, chosen
