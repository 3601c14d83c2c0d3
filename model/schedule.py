"""How the learning rate runs over the steps: up at first, then down to nothing.

A pure function of the step, so that a resumed run needs no state for it. ``linear`` is the default:
for a budget that is known beforehand, going down to zero in a straight line did better than half a
cosine here and elsewhere (Bergsma et al. 2025, arXiv:2502.15938).
"""

import math
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]


def learning_rate_factor(
    step: int, steps: int, *, warmup_steps: int, schedule: Schedule = "linear"
) -> float:
    """What the highest learning rate is multiplied by in a step.

    Args:
        step: from 0 to ``steps - 1``.
        steps: the whole run.
        warmup_steps: how many steps the factor climbs, in equal parts, until it is 1.
        schedule: how it comes down again; ``constant`` does not.

    Returns:
        A number above 0, at most 1.

    Example:
        >>> [learning_rate_factor(step, 6, warmup_steps=2) for step in range(6)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 1 - done if schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))
