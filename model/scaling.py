"""What loss to expect of a model's size, of the tokens it sees and of how often it sees them.

The law is Chinchilla's (Hoffmann et al. 2022, arXiv:2203.15556, equation 2),

    L(N, D) = E + A / N^a + B / D'^b

with the tokens D discounted where they repeat (Muennighoff et al. 2023, arXiv:2305.16264,
equation 5): of U different tokens seen D / U = 1 + R times, what counts is

    D' = U + U r (1 - exp(-R / r))

so that each repetition is worth a little less than the one before; r says how many repetitions it
takes to use a text up. There r is a constant, fitted to corpora of a thousand times this size; here
it grows with the text, r = q (U / 1 MB)^c, because a small text is learnt by heart sooner:
docs/scaling.md has what that mends.

Notable choices: relative errors are squared and summed, so that a per cent counts the same at the
top as at the bottom. With a, b, q and c given, E, A and B follow from linear least squares; so only
four numbers are searched, on a grid that closes in, and no start has to be guessed. E, A and B are
not negative.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_POINTS = 8
"""The law has seven constants."""

_GRID_POINTS = 5
_ROUNDS = 12
_CLOSER = 0.65
_BOUNDS = np.log([[0.05, 2.0], [0.05, 2.0], [0.3, 300.0], [0.05, 3.0]])
"""Of a, b, q and c, on the scale on which they are searched."""

REFERENCE = 1e6
"""Bytes of text at which r is q."""


@dataclass(frozen=True)
class ScalingPoint:
    """A finished run: N, the text D that it saw, the text U that there was, both in bytes."""

    parameters: float
    seen_bytes: float
    unique_bytes: float
    loss: float


@dataclass(frozen=True)
class ScalingLaw:
    """The fitted constants; ``repetitions`` is q, ``wear_exponent`` c."""

    floor: float
    size_factor: float
    size_exponent: float
    data_factor: float
    data_exponent: float
    repetitions: float
    wear_exponent: float

    def loss(self, parameters: float, seen_bytes: float, unique_bytes: float) -> float:
        """The loss to expect, in the points' unit."""
        seen = effective_bytes(seen_bytes, unique_bytes, self.repetitions, self.wear_exponent)
        return float(
            self.floor
            + self.size_factor / parameters**self.size_exponent
            + self.data_factor / seen**self.data_exponent
        )


def effective_bytes(
    seen: float | np.ndarray, unique: float | np.ndarray, repetitions: float, wear_exponent: float
) -> np.ndarray:
    """D': how much fresh text would be worth as much.

    >>> float(effective_bytes(500, 1000, 5.0, 1.0))  # nothing is repeated
    500.0
    """
    once = np.minimum(seen, unique)
    again = np.asarray(seen) / once - 1
    lasts = repetitions * (np.asarray(unique) / REFERENCE) ** wear_exponent
    return once * (1 + lasts * -np.expm1(-again / lasts))


def fit_scaling_law(points: Sequence[ScalingPoint]) -> ScalingLaw:
    """Fit the law to finished runs.

    Raises:
        ValueError: there are fewer points than the law needs.
    """
    if len(points) < FEWEST_POINTS:
        raise ValueError(f"{len(points)} points cannot fix a law of {FEWEST_POINTS - 1} constants")
    table = np.array([[p.parameters, p.seen_bytes, p.unique_bytes, p.loss] for p in points]).T
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
        reach = reach * _CLOSER
    return best[1]


def _with_exponents(
    table: np.ndarray, a: float, b: float, repetitions: float, wear_exponent: float
) -> tuple[float, ScalingLaw]:
    """The sum of squared relative errors at the best E, A and B, and the law with these."""
    sizes, seen, unique, losses = table
    terms = np.stack(
        [
            np.ones_like(losses),
            (sizes / sizes.mean()) ** -a,
            (effective_bytes(seen, unique, repetitions, wear_exponent) / seen.mean()) ** -b,
        ],
        axis=1,
    )
    error, (floor, size, data) = _not_negative_least_squares(terms / losses[:, None])
    return error, ScalingLaw(
        float(floor),
        float(size * sizes.mean() ** a),
        float(a),
        float(data * seen.mean() ** b),
        float(b),
        float(repetitions),
        float(wear_exponent),
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
