"""How long a step takes, from the first steps of a run: read off the clock, changing nothing.

Notable choices: the first half of them is left out, because libraries compile and memory is fetched
in it, and what starts beside a training (the tracking of its run, another stage) takes a core for
some seconds; the median of the others is taken, so that a step which validates, saves or meets a
busy machine does not count. With an accelerator these few steps wait for its queue, or the clock
would show how long it takes to ask for a step.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from model import lightning

FEWEST_STEPS = 8
SECONDS = 12.0
"""Measure so many steps, after as many that are left out, and so long, whichever is more ..."""

MOST_SECONDS = 30.0
"""... but no longer than this, where steps are slow: then two steps have to do."""


@dataclass(frozen=True)
class Pace:
    """Seconds a step: the median, and what nine steps in ten lie within; ``steps`` were timed."""

    seconds: float
    low: float
    high: float
    steps: int


def pace_of(seconds: list[float]) -> Pace:
    """The pace of the steps that took so long, in their order; there is at least one.

    >>> pace_of([9.0, 9.0, 9.0, 2.0, 1.0, 3.0]).seconds
    2.0
    """
    ordered = sorted(seconds[len(seconds) // 2 :])
    beside = len(ordered) // 20
    return Pace(
        statistics.median(ordered), ordered[beside], ordered[-1 - beside], steps=len(ordered)
    )


class FirstSteps(lightning.Callback):
    """Times the first steps of a run and tells their pace, once.

    Args:
        on_measured: called as soon as it is known, at the latest after the last step.
        stop: whether the run is then to end, because the pace is all that is wanted.
        least_seconds, most_seconds: to measure for, where the steps last so long.
    """

    def __init__(
        self,
        on_measured: Callable[[Pace], None],
        *,
        stop: bool = False,
        least_seconds: float = SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self.on_measured, self.stop = on_measured, stop
        self.least_seconds, self.most_seconds = least_seconds, most_seconds
        self._seconds: list[float] = []
        self._began = self._ended = 0.0
        self._told = False

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the clock."""
        self._began = self._ended = time.monotonic()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Take the step's time; tell when it is enough."""
        if self._told:
            return
        if module.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.monotonic()
        self._seconds.append(now - self._ended)
        self._ended = now
        if module.step >= module.options.steps or self._enough(now - self._began):
            self._told = True
            self.on_measured(pace_of(self._seconds))
            if self.stop:
                trainer.should_stop = True

    def _enough(self, passed: float) -> bool:
        steps = len(self._seconds)
        return (steps >= 2 * FEWEST_STEPS and passed >= self.least_seconds) or (
            steps >= 2 and passed >= self.most_seconds
        )
