"""A stage at which several processes work: the first writes and speaks, the others compute.

The first one starts the others with its own command and ends them with itself; or torchrun or SLURM
has started all of them. The others read what the first reads, and neither write, nor print, nor
track, nor take the stage's lock.

Notable choices: not Lightning's own launcher, whose processes print what they like and whose
failures are tracebacks. What a process that failed had to say comes to the first one, which says it
as its own; what a process says that lost the others counts if no other has failed, since that is
hardly ever the cause.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import BaseModel

from chatwright.environment import Launched, launched
from chatwright.errors import ChatwrightError, ServiceUnavailable
from tasks.driver import end_with_the_driver
from tasks.free_port import free_port
from tasks.params import load_params
from tasks.progress import silent
from tasks.stage import INTERRUPTED, Stage, interrupt
from tasks.work import NAME, fingerprint, what_decides

MARK = "::failure "  # begins the line that is meant for the first process, not for a person
LOST = 3  # the exit status of a process that lost the others
WAIT_SECONDS = 600.0
GRACE_SECONDS = 15.0


def stage_of_many(name: str) -> Stage:
    """The stage, as the process that this is has to do it."""
    found = launched()
    return Stage(name) if found is None or found.rank == 0 else OtherRank(name, found)


class OtherRank(Stage):
    """A stage in any process but the first: reads and computes, and leaves no trace."""

    def __init__(self, name: str, found: Launched) -> None:
        super().__init__(name)
        self.found = found

    def _enter(self) -> None:
        signal.signal(signal.SIGTERM, interrupt)
        if self.found.by == "chatwright":
            # Not stopped but ended: it may wait for what the one that is gone would have sent.
            end_with_the_driver(signal.SIGKILL)
        self.params = load_params()
        self.progress = silent  # type: ignore[assignment]

    def output(self, path: str | Path) -> Path:
        """A name that nothing is written to."""
        path = Path(path)
        return path.with_name(f".{path.name}.of-another-process")

    def work(self, *inputs: Path, params: Mapping[str, Any] | BaseModel) -> Path:
        """The folder that the first process makes; waits for it."""
        if isinstance(params, BaseModel):
            params = params.model_dump(mode="json")
        folder = Path(".chatwright") / self.name / fingerprint(what_decides(params, inputs))
        wait_for(folder / NAME)
        return folder

    def log(self, line: str) -> None:
        """Nothing: the first process says it."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Nothing: the first process notes it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, SystemExit):
            sys.exit(self._said(error))

    def _said(self, error: BaseException) -> int:
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED
        code = error.exit_code if isinstance(error, ChatwrightError) else 1
        message = str(error)
        if not isinstance(error, ChatwrightError):
            message = f"{type(error).__name__}: {error}"
        mark = MARK if self.found.by == "chatwright" else f"{self.name}: "
        first, *_ = message.splitlines()
        lost = lost_the_others(error)
        if not lost or self.found.by == "chatwright":
            print(f"{mark}{first}", file=sys.stderr, flush=True)
        return LOST if lost else code


def is_another_rank() -> bool:
    """Whether this process is one of several, and not the first."""
    found = launched()
    return found is not None and found.rank > 0


def wait_for(path: Path) -> None:
    """Go on once the first process has made a file.

    Raises:
        ServiceUnavailable: it has not within ten minutes.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise ServiceUnavailable(
                str(path),
                f"the first process has not made it within {WAIT_SECONDS:.0f} s",
                "All machines have to share the project's folder",
            )
        time.sleep(0.05)


def lost_the_others(error: BaseException | None) -> bool:
    """Whether an error only says that another process is no more."""
    while error is not None:
        # torch's own kinds of error, and gloo's, which are plain RuntimeErrors.
        if type(error).__name__.startswith("Dist") or "gloo" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


class Others:
    """The processes that the first one starts, as a context manager; none if there is one.

    Args:
        stage: the first process's.
        processes: of this machine, itself among them.
    """

    def __init__(self, stage: Stage, processes: int) -> None:
        self.stage = stage
        self.count = processes if launched() is None else 1
        self._others: list[subprocess.Popen[str]] = []
        self._said: list[deque[str]] = []
        self._readers: list[threading.Thread] = []
        self._closed = threading.Event()

    def __enter__(self) -> "Others":
        if self.count == 1:
            return self
        os.environ.update(
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(free_port()),
            NODE_RANK="0",
            LOCAL_RANK="0",
            CHATWRIGHT_PROCESSES=str(self.count),
        )
        for rank in range(1, self.count):
            # A session of its own: what ends it is the first process, not the terminal.
            other = subprocess.Popen(
                [sys.executable, "-m", f"tasks.{self.stage.name}"],
                env={
                    **os.environ,
                    "LOCAL_RANK": str(rank),
                    "CHATWRIGHT_DRIVER_PID": str(os.getpid()),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            self._others.append(other)
            self._said.append(deque(maxlen=50))
            reader = threading.Thread(
                target=self._said[-1].extend, args=(other.stderr,), daemon=True
            )
            reader.start()
            self._readers.append(reader)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def leave_the_rest_to_the_first(self) -> None:
        """After the last step: end this process, well, unless it is the first, which needs the
        others no more. However they end from here on, and however long it saves, it goes on."""
        if is_another_rank():
            sys.exit(0)
        self._closed.set()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        failure = None
        if error is None:
            self._wait(GRACE_SECONDS)
        elif not isinstance(error, KeyboardInterrupt) and lost_the_others(error):
            self._wait(GRACE_SECONDS / 3)
            failure = self._failure() or self._loss()
        self._end()
        if failure is not None:
            raise failure from error

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(other.poll() is None for other in self._others) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _end(self) -> None:
        for other in self._others:
            other.kill()
            other.wait()

    def _failure(self) -> ChatwrightError | None:
        """What made the first of the others fail that did not only lose the rest."""
        for rank, other in enumerate(self._others, 1):
            code = other.poll()
            if code in (None, 0, LOST, INTERRUPTED):
                continue
            said, marked = self._lines(rank)
            if code is not None and code < 0:
                return ChatwrightError(
                    self.stage.name,
                    f"process {rank} of {self.count} was ended by {signal.Signals(-code).name}",
                    "Run again to go on; where memory ran out, take fewer devices",
                )
            what = marked[0] if marked else said[-1].strip() if said else f"exit status {code}"
            failure = ChatwrightError("", what.removesuffix("."))
            failure.exit_code = code or 1
            return failure
        return None

    def _loss(self) -> ChatwrightError | None:
        """What the first of the others said that lost the rest."""
        for rank, other in enumerate(self._others, 1):
            if other.poll() == LOST:
                _, marked = self._lines(rank)
                return ChatwrightError(
                    self.stage.name,
                    f"process {rank} of {self.count} lost the others"
                    + "".join(f" ({what})" for what in marked[:1]),
                    "Run again to go on",
                )
        return None

    def _lines(self, rank: int) -> tuple[list[str], list[str]]:
        """What a process that has ended said, and what of it was meant for this one."""
        self._readers[rank - 1].join(1)
        said = list(self._said[rank - 1])
        return said, [line.strip().removeprefix(MARK) for line in said if line.startswith(MARK)]

    def _watch(self) -> None:
        """Give up where one of the others fails and the main thread waits for it for ever."""
        while not self._closed.wait(0.2):
            failure = self._failure() or self._loss()
            if failure is not None and not self._closed.wait(GRACE_SECONDS):
                failure = self._failure() or failure
                self._end()
                self.stage.give_up(failure)
