"""How a stage says how far it is, whoever listens.

A stage's function takes ``progress`` and calls it as often as it likes; ``Display`` decides what
becomes of it. In a terminal it is a bar; under the flow (``CHATWRIGHT_PROGRESS=json``) a line of
JSON that the flow draws; elsewhere a plain line every few seconds. Tests leave the default, which
is silent.
"""

import json
import os
import sys
import time
from typing import Protocol

MARK = "::progress "  # begins a line that is meant for the flow, not for a person


class Progress(Protocol):
    """Called with the work done so far, the whole of it (None: unknown), and figures to show."""

    def __call__(
        self, done: float, total: float | None, unit: str = "", **figures: float | str
    ) -> None: ...


def silent(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
    """Show nothing."""


def figure_text(name: str, value: float | str) -> str:
    """A figure as it is shown: ``loss 4.12``, ``5,812 tokens/s``."""
    if name.endswith("_per_second"):
        return f"{float(value):,.0f} {name.removesuffix('_per_second').replace('_', ' ')}/s"
    if isinstance(value, float):
        return f"{name.replace('_', ' ')} {value:.3g}" if value < 100 else f"{name} {value:,.0f}"
    return f"{name.replace('_', ' ')} {value}"


def duration_text(seconds: float) -> str:
    """Seconds as ``m:ss``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Display:
    """Shows the progress of one stage of work at a time; itself a ``Progress``.

    Args:
        stage: the stage's name, which begins every line.
        seconds_between: the least time between two lines, where there is no terminal.
    """

    def __init__(self, stage: str, seconds_between: float = 5.0) -> None:
        self._stage = stage
        self._as_json = os.environ.get("CHATWRIGHT_PROGRESS") == "json"
        self._seconds_between = 0.5 if self._as_json else seconds_between
        self._shown_at = 0.0
        self._unit: str | None = None
        self._first: tuple[float, float] = (0.0, 0.0)
        self._bar = None
        if not self._as_json and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description:<11}"),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f}% {task.fields[figures]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar_task = self._bar.add_task(stage, total=None, figures="")
            self._bar.start()

    def __call__(
        self, done: float, total: float | None, unit: str = "", **figures: float | str
    ) -> None:
        now = time.monotonic()
        if unit != self._unit:
            self._unit, self._first, self._shown_at = unit, (done, now), 0.0
        finished = total is not None and done >= total
        if now - self._shown_at < (0.1 if self._bar else self._seconds_between) and not finished:
            return
        self._shown_at = now
        texts = [figure_text(name, value) for name, value in figures.items()]
        if self._bar is not None:
            amount = f"{done:,.0f} {unit}" if total is None else f"{done:,.0f}/{total:,.0f} {unit}"
            self._bar.update(
                self._bar_task, completed=done, total=total, figures=" ".join([amount, *texts])
            )
            return
        left = self.seconds_left(done, total, now)
        if self._as_json:
            event = {
                "stage": self._stage,
                "done": done,
                "total": total,
                "unit": unit,
                "seconds_left": left,
                "figures": texts,
            }
            print(MARK + json.dumps(event), flush=True)
            return
        of_total = "" if total is None else f" of {total:,.0f}"
        tail = [] if left is None else [f"{duration_text(left)} left"]
        print(
            ", ".join([f"{self._stage}: {done:,.0f}{of_total} {unit}", *texts, *tail]), flush=True
        )

    def seconds_left(self, done: float, total: float | None, now: float) -> float | None:
        """The time the rest takes at the pace so far; None while there is no pace yet."""
        first_done, first_time = self._first
        if total is None or done <= first_done:
            return None
        return (total - done) * (now - first_time) / (done - first_done)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
