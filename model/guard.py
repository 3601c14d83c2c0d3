"""Never a silent bad run: a loss that is no number, or leaps, is seen at its step.

Where that is found, training goes back to the last checkpoint from before it and leaves out two
batches: the one at which it was seen and the one before, whose update may have been what did it.
All else of the steps between is repeated as it was, so that the weights do not depend on when
checkpoints were written. (PaLM's trainers went back further and left out more, by hand: Chowdhery
et al. 2022, arXiv:2204.02311, section 5.1.)

Notable choices: on a processor the loss is there to be read, and a bad step is seen before its
update. An accelerator would have to be waited for, so there each step's loss is copied while the
next step runs and read after it; the update of a bad step is undone by going back. No checkpoint is
written before the losses up to it are read.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

WINDOW = 50
"""Steps that make the recent average."""

FEWEST = 10
"""Losses before there is an average to compare with."""

LEAST_NATS = 1.0
"""A recent average below this counts as this: a corpus known by heart has small losses, of which
some are many times the others, and nothing is wrong."""

MOST_ROLLBACKS = 2
"""The third time, the run ends."""


class BadStep(Exception):
    """The loss of a step is not to be trained on; ``what`` says what became of it."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(what)
        self.step, self.what = step, what


class Guard:
    """Watches the losses of a run.

    Args:
        factor: a loss above this times the recent average is a bad one; None: only what is no
            number is.
    """

    def __init__(self, factor: float | None) -> None:
        self.factor = factor
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._unread: tuple[int, Tensor, torch.cuda.Event] | None = None

    def watch(self, step: int, loss: Tensor, gradient_norm: Tensor | None) -> None:
        """Take a step's loss and gradient into account, before its update.

        Args:
            step: the number of the step, from 0.
            loss: a scalar.
            gradient_norm: a scalar; None where it was not measured, or may be anything.

        Raises:
            BadStep: this one is bad; on an accelerator, the one before it.
        """
        if not loss.is_cuda:
            self._judge(step, float(loss), 0.0 if gradient_norm is None else float(gradient_norm))
            return
        norm = torch.zeros_like(loss) if gradient_norm is None else gradient_norm
        both = torch.stack([loss, norm])
        # Into pinned memory, by itself, in the order of the device's queue.
        copied = both.detach().to("cpu", non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self.settle()
        self._unread = step, copied, event

    def settle(self) -> None:
        """Wait for what has not been read yet.

        Raises:
            BadStep: it is bad.
        """
        if self._unread is None:
            return
        step, copied, event = self._unread
        self._unread = None
        event.synchronize()
        self._judge(step, *copied.tolist())

    def notes(self) -> dict[str, Any]:
        """What a continued run has to know, as JSON."""
        return {"recent_losses": list(self._recent)}

    def load_notes(self, notes: dict[str, Any]) -> None:
        """Go on from the notes of an earlier run, or of an earlier step of this one."""
        self._recent = deque(notes["recent_losses"], WINDOW)
        self._unread = None

    def _judge(self, step: int, loss: float, gradient_norm: float) -> None:
        if not math.isfinite(loss):
            raise BadStep(step, f"the loss became {loss}")
        if not math.isfinite(gradient_norm):
            raise BadStep(step, f"the gradient became {gradient_norm}")
        if self.factor is not None and len(self._recent) >= FEWEST:
            average = sum(self._recent) / len(self._recent)
            if loss > self.factor * max(average, LEAST_NATS):
                raise BadStep(step, f"the loss leapt from about {average:.3g} to {loss:.3g}")
        self._recent.append(loss)


@dataclass
class Rollbacks:
    """How often a run went back, and what it has left out since.

    Attributes:
        left_out: the numbers of the batches that no step takes.
        times: how often.
        floor: the step that it went back to the last time.
    """

    left_out: list[int] = field(default_factory=list)
    times: int = 0
    floor: int = 0

    def go_back(self, step: int, batches: Sequence[int]) -> tuple[int, list[int]]:
        """Leave out the batch of a bad step, and that of the step before, if there is one since
        the last time.

        Args:
            step: the bad one.
            batches: the number of each step's batch.

        Returns:
            The step to go back to, or to any before it; the batches that are left out from now on.
        """
        target = max(self.floor, step - 1)
        dropped = list(batches[target : step + 1])
        self.left_out = sorted([*self.left_out, *dropped])
        self.times, self.floor = self.times + 1, target
        return target, dropped

    def notes(self) -> dict[str, Any]:
        """What a continued run has to know, as JSON."""
        return {"left_out": self.left_out, "rollbacks": self.times, "floor": self.floor}

    def load_notes(self, notes: dict[str, Any]) -> None:
        """Go on from the notes of an earlier run."""
        self.left_out = list(notes["left_out"])
        self.times, self.floor = notes["rollbacks"], notes["floor"]
