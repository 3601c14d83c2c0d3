"""What happens between the steps: the curve, the checkpoints, a clean stop.

Notable choices: whatever needs the loss as a number waits for the accelerator, so it is read only
when something is to be shown or written. What is measured goes into the checkpoint's notes, so a
continued run has one unbroken curve.
"""

import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from model import lightning
from model.checkpoint import save_checkpoint
from model.devices import wait_for_all

Point = dict[str, Any]
"""``step``, ``tokens``, ``loss``, ``split`` ("train" or "validation")."""

TRAIN_POINTS = 100
VALIDATION_POINTS = 8
SHOW_SECONDS = 0.25
SPEED_SECONDS = 20.0


class Curve(lightning.Callback):
    """Collects the losses, and tells how far the run is.

    Args:
        steps: of the whole run.
        step_tokens: tokens a step.
        validation: batches to measure on, eight times in the run; may be empty.
        patience: how many measurements without a better one end the run; None: none do.
    """

    def __init__(
        self,
        steps: int,
        step_tokens: int,
        validation: list[dict[str, torch.Tensor]],
        on_progress: Callable[[int, float, float], None],
        on_point: Callable[[Point], None],
        patience: int | None = None,
    ) -> None:
        self.patience = patience
        self.steps, self.step_tokens, self.validation = steps, step_tokens, validation
        self.on_progress, self.on_point = on_progress, on_point
        self.points: list[Point] = []
        self.seconds = 0.0
        self._every = max(1, steps // TRAIN_POINTS)
        self._validate_every = max(1, steps // VALIDATION_POINTS)
        self._loss_sum, self._loss_steps, self._loss = 0.0, 0, math.nan
        self._unread_steps = 0
        self._shown = 0.0
        self._times: deque[tuple[float, int]] = deque()
        self._steps_here, self._seconds_here = 0, 0.0

    @property
    def tokens_per_second(self) -> float:
        """Of this process's whole training."""
        return self._steps_here * self.step_tokens / max(self._seconds_here, 1e-9)

    def notes(self) -> dict[str, Any]:
        """What a continued run has to know, as JSON."""
        return {
            "points": self.points,
            "seconds": self.seconds,
            "loss_sum": self._loss_sum,
            "loss_steps": self._loss_steps,
        }

    def load_notes(self, notes: dict[str, Any]) -> None:
        """Go on from the notes of an earlier run."""
        # Not fewer seconds than before, where the earlier run is this one, gone back a few steps.
        self.points, self.seconds = notes["points"], max(self.seconds, notes["seconds"])
        self._unread_steps = 0
        self._times.clear()
        self._loss_sum, self._loss_steps = notes["loss_sum"], notes["loss_steps"]

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the run's clock."""
        self._counted = time.monotonic()

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        """Start the step's clock."""
        self._began = time.monotonic()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Take the step into account; show, note and validate when it is time."""
        now = time.monotonic()
        self._steps_here += 1
        self._seconds_here += now - self._began
        self._unread_steps += 1
        self._times.append((now, module.step))
        while now - self._times[0][0] > SPEED_SECONDS:
            self._times.popleft()
        last = module.step == self.steps
        due = module.step % self._every == 0 or last
        if due or now - self._shown > SHOW_SECONDS:
            self.read_loss(module)
            self.on_progress(module.step, self._loss, self._speed())
            self._shown = now
        if due:
            self._note(module.step, self._loss_sum / self._loss_steps, "train")
            self._loss_sum, self._loss_steps = 0.0, 0
        if self.validation and (module.step % self._validate_every == 0 or last):
            self._note(module.step, module.mean_loss(self.validation), "validation")
        # All that has gone by since the last time: batches, validation, checkpoints as well.
        now = time.monotonic()
        self.seconds += now - self._counted
        self._counted = now

    @property
    def ends_early(self) -> bool:
        """Whether validation has not become better for so long that the run is to end."""
        if self.patience is None:
            return False
        losses = [point["loss"] for point in self.points if point["split"] == "validation"]
        if not losses:
            return False
        return len(losses) - 1 - losses.index(min(losses)) >= self.patience

    def read_loss(self, module: Any) -> None:
        """Take the losses of the steps since the last time from the device."""
        if not self._unread_steps:
            return
        loss_sum = float(module.loss_sum)
        module.loss_sum = torch.zeros_like(module.loss_sum)
        self._loss = loss_sum / self._unread_steps
        self._loss_sum += loss_sum
        self._loss_steps += self._unread_steps
        self._unread_steps = 0

    def _note(self, step: int, loss: float, split: str) -> None:
        tokens = step * self.step_tokens
        point: Point = {"step": step, "tokens": tokens, "loss": round(loss, 4), "split": split}
        self.points.append(point)
        self.on_point(point)

    def _speed(self) -> float:
        """Tokens a second of late; of the first step alone, what that one says."""
        (then, first), (now, last) = self._times[0], self._times[-1]
        if last == first:
            return self.tokens_per_second
        return (last - first) * self.step_tokens / (now - then)


class CheckpointInTime(lightning.Callback):
    """Writes a checkpoint when ``seconds`` have gone by since the last one, and at the end.

    Also one before the first step, so that there always is one to go back to.

    Args:
        step: of the checkpoint that the run went on from; -1: of none.
    """

    def __init__(self, folder: Path, seconds: float, curve: Curve, step: int) -> None:
        self.folder, self.seconds, self.curve = folder, seconds, curve
        self._last = time.monotonic()
        self._step = step

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Start the clock."""
        if self._step < 0:
            self.write(trainer, module)
        self._last = time.monotonic()

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        """Where several processes train, it is the first one's clock that counts."""
        module.wishes.save = trainer.is_global_zero and self._is_time()

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Write one if it is time; end the run if validation says so."""
        ends = self.curve.ends_early
        due = module.agreed.save if trainer.world_size > 1 else self._is_time()
        if due or module.step == self.curve.steps or ends:
            self.write(trainer, module)
        trainer.should_stop = trainer.should_stop or ends

    def _is_time(self) -> bool:
        return time.monotonic() - self._last >= self.seconds

    def write(self, trainer: Any, module: Any) -> None:
        """Write one now, unless this very step has one."""
        if module.step == self._step:
            return
        module.guard.settle()
        self.curve.read_loss(module)
        if trainer.is_global_zero or module.options.strategy == "fsdp":
            save_checkpoint(
                self.folder,
                module.step,
                module.model,
                module.torch_optimizers(),
                {**self.curve.notes(), **module.notes()},
            )
        wait_for_all()  # none that is quicker may look for it before it is there
        self._last, self._step = time.monotonic(), module.step


class StopWhenAsked(lightning.Callback):
    """Ends the run after the step in which SIGINT or SIGTERM came, with a checkpoint.

    The second signal does what it would have done without us. Where several processes train, a
    signal to one of them ends all, after the step that they agree on.
    """

    def __init__(self, keeper: CheckpointInTime) -> None:
        self.keeper = keeper
        self.asked = False
        self._before: dict[int, Any] = {}
        # Lightning has a handler of its own while it trains, which talks to the other processes.
        self._without_us = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def on_train_start(self, trainer: Any, module: Any) -> None:
        """Listen; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._without_us.items():
                signal.signal(number, self._note)
                self._before[number] = handler

    def on_train_batch_start(self, trainer: Any, module: Any, *_: Any) -> None:
        """Tell the other processes, if there are any."""
        module.wishes.stop = self.asked

    def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
        """Stop if asked to."""
        asked = module.agreed.stop if trainer.world_size > 1 else self.asked
        if asked and not trainer.should_stop:
            self.keeper.write(trainer, module)
            trainer.should_stop = True

    def teardown(self, trainer: Any, module: Any, stage: str) -> None:
        """Listen no more."""
        self._give_back()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._give_back()

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()
