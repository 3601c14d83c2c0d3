"""Processes that train by turns, so that a noisy machine hurts all alike.

Each runs until it is warm and is then stopped with SIGSTOP; for a turn it goes on alone. Every
step that it finishes is a line on its output, whose time is taken here. A turn's pace is that of
the steps between its first line and its last, so the step that the stop cut in two does not
count, and periodic work (logging, saving) does. The median of the turns counts.

Peak memory is the kernel's for the process. This module imports nothing large, because a child's
peak begins at its parent's.
"""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

WARM_STEPS = 5
WARM_SECONDS = 600.0
"""The most that compiling may take."""


@dataclass(frozen=True)
class Command:
    """How to start a process; ``step_line`` has one group, the number of the step."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    step_line: str = r"step (\d+)"


@dataclass
class Racer:
    """A process in a session of its own, from its start to its end.

    Use as a context manager, so that nothing is left behind.

    Attributes:
        failure: why it runs no more, or empty.
        peak_bytes: the most memory it ever held, known at the end.
        paces: steps a second, of each turn.
    """

    name: str
    command: Command
    failure: str = ""
    peak_bytes: int = 0
    paces: list[float] = field(default_factory=list)

    def __enter__(self) -> "Racer":
        self._times: list[tuple[float, int]] = []
        self._warm = False
        self._changed = threading.Condition()
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            list(self.command.arguments),
            cwd=self.command.folder,
            env={**os.environ, **self.command.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def _read(self) -> None:
        assert self._process.stdout is not None
        pattern = re.compile(self.command.step_line)
        for line in self._process.stdout:
            found = pattern.match(line)
            if found:
                with self._changed:
                    self._times.append((time.perf_counter(), int(found[1])))
                    if not self._warm and self._times[-1][1] >= WARM_STEPS:
                        self._warm = True
                        self._signal(signal.SIGSTOP)
                    self._changed.notify()
        with self._changed:
            self.failure = self.failure or "it ended before its time"
            self._changed.notify()

    def wait_until_warm(self) -> None:
        """Return when its first steps are behind it and it stands still."""
        deadline = time.perf_counter() + WARM_SECONDS
        with self._changed:
            while not self.failure and not self._warm:
                if not self._changed.wait(deadline - time.perf_counter()):
                    self.failure = f"not at step {WARM_STEPS} after {WARM_SECONDS:.0f} s"

    def turn(self, seconds: float) -> None:
        """Let it go on for so long, or longer until two steps are whole."""
        before = len(self._times)
        self._signal(signal.SIGCONT)
        began = time.perf_counter()
        while not self.failure and time.perf_counter() < began + WARM_SECONDS:
            time.sleep(max(0.05, began + seconds - time.perf_counter()))
            if len(self._times) >= before + 3:
                break
        self._signal(signal.SIGSTOP)
        times = self._times[before:]
        if len(times) < 3:
            self.failure = self.failure or "no three steps in its turn"
            return
        (first_time, first), (last_time, last) = times[0], times[-1]
        self.paces.append((last - first) / (last_time - first_time))

    @property
    def pace(self) -> float:
        """Median steps a second; 0 of one that failed."""
        return statistics.median(self.paces) if self.paces and not self.failure else 0.0

    def end(self) -> None:
        """Kill it and read its peak memory; a second time does nothing."""
        if self._process.returncode is not None:
            return
        if self.failure:
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            self.failure = f"{self.failure}: {said[-1] if said else 'no message'}"
        # Now that we end it, its end is no failure.
        failure = self.failure
        self._signal(signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.peak_bytes = usage.ru_maxrss * 1024
        self._reader.join(5)
        self.failure = failure
        self._errors.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            self.failure = self.failure or "it ended before its time"


def end_with_us() -> None:
    """Let SIGTERM end this process as Ctrl-C does: racers stand in sessions of their own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def take_turns(racers: Sequence[Racer], rounds: int, seconds: float) -> None:
    """Each in turn, so many times; they are warm and stopped before and after."""
    for _ in range(rounds):
        for racer in racers:
            if not racer.failure:
                racer.turn(seconds)
