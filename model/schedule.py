"""How the learning rate runs over the steps: up at first, then down.

A pure function of the step, so that a resumed run needs no state for it. ``linear`` is the default:
for a budget that is known beforehand, going down to zero in a straight line did better than half a
cosine here and elsewhere (Bergsma et al. 2025, arXiv:2502.15938). ``wsd`` (warm-up, stable, decay;
Hu et al. 2024, arXiv:2404.06395) stays at its highest until the last part of the run.
"""

import math
from typing import Literal

Schedule = Literal["linear", "cosine", "step", "exponential", "wsd", "constant"]


def learning_rate_factor(
    step: int,
    steps: int,
    *,
    warmup_steps: int,
    schedule: Schedule = "linear",
    decay_share: float = 0.3,
    decay_factor: float = 0.1,
) -> float:
    """What the highest learning rate is multiplied by in a step.

    Args:
        step: from 0 to ``steps - 1``.
        steps: the whole run.
        warmup_steps: how many steps the factor climbs, in equal parts, until it is 1.
        schedule: how it comes down again; ``constant`` does not.
        decay_share: in parts of the steps after the warm-up: how much of the end ``wsd`` comes
            down in; how long ``step`` stays at each height.
        decay_factor: what ``step`` multiplies by at each drop; what ``exponential`` has come down
            to at the end.

    Returns:
        A number above 0, at most 1.

    Example:
        >>> [learning_rate_factor(step, 6, warmup_steps=2) for step in range(6)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    match schedule:
        case "linear":
            return 1 - done
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))
        case "step":
            # 0.3 / 0.1 is a hair below 3: rounding must not keep a drop back by a step.
            return decay_factor ** math.floor(done / decay_share + 1e-9)
        case "exponential":
            return decay_factor**done
        case "wsd":
            return min(1.0, (1 - done) / decay_share)
        case "constant":
            return 1.0
