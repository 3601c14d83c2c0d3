"""The one Prefect task that runs a DVC stage.

The stage runs as ``dvc repro --single-item NAME`` in a child process, so that dvc.lock, the cache
and the outputs are the same whoever drives. Its lines go to the run's log as they come; a stage
with nothing to do ends in the state ``Cached`` without a child. What can pass by itself (a busy
database, a network) is tried again with growing pauses; a user's mistake is not.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from prefect import Task, task
from prefect.logging import get_run_logger
from prefect.states import Completed, State
from prefect.tasks import exponential_backoff

from chatwright.errors import ChatwrightError, DiskFull
from flows.accelerator import accelerator
from flows.full_disk import full_disk_sentence
from tasks.progress import MARK
from tasks.stage import failure_of, forget_failure

# Stages that use the accelerator where there is one: one at a time on one machine.
NEEDS_ACCELERATOR = {"pretrain", "finetune", "compress", "evaluate"}
TRAINS = {"pretrain", "finetune"}
EXIT_STATUS = re.compile(r"^ERROR: .*failed to run: .*, exited with (-?\d+)")

Listener = Callable[[str, str], None]
_listeners: list[Listener] = []
_told_to_stop: list[Callable[[int], None]] = []
_children: set[subprocess.Popen[str]] = set()
_dvc_in_process = threading.Lock()
_stopping = threading.Event()


class StageFailed(ChatwrightError):
    """A stage ended with an error; its own sentence is the message."""

    def __init__(self, stage: str, message: str, exit_code: int, may_pass: bool) -> None:
        super().__init__("", message.rstrip("."))
        self.stage, self.exit_code, self.may_pass = stage, exit_code, may_pass


@contextlib.contextmanager
def listening(listener: Listener, told_to_stop: Callable[[int], None]) -> Iterator[None]:
    """Hand every line of every stage to ``listener(stage, line)`` while this lasts, and call
    ``told_to_stop``, with its number, when a signal ends the flow."""
    _listeners.append(listener)
    _told_to_stop.append(told_to_stop)
    try:
        yield
    finally:
        _listeners.remove(listener)
        _told_to_stop.remove(told_to_stop)


def stop_children() -> None:
    """Interrupt the stages at work, as Ctrl-C would, and wait until they have tidied up."""
    _stopping.set()
    for child in list(_children):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGINT)
    for child in list(_children):
        child.wait()


def is_a_stage_at_work() -> bool:
    """Whether a stage has yet to end."""
    return any(child.poll() is None for child in list(_children))


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Stop the stages at work when this process is told to end, then let it end as it would.

    Prefect, told to end, waits for its tasks; they wait for their children, who have not been told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        for listened, handler in before.items():
            signal.signal(listened, handler)
        for told in _told_to_stop:
            told(number)
        stop_children()
        # Deaf, as in the background of a shell, or dead at once, leaving Prefect's server behind.
        if before[number] in (signal.SIG_IGN, signal.SIG_DFL):
            raise KeyboardInterrupt
        os.kill(os.getpid(), number)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for listened, handler in before.items():
            signal.signal(listened, handler)


def is_up_to_date(stage: str) -> bool:
    """Whether DVC finds nothing changed for a stage; False when another DVC holds the lock."""
    with _dvc_in_process:
        try:
            with Repo() as repo:
                return not repo.status(targets=[stage])
        except LockError:
            return False
        except DvcException:
            return False  # the child says what is wrong, in its own words


def _may_pass(this: Task[Any, Any], run: Any, state: State[Any]) -> bool:
    try:
        state.result()
    except StageFailed as failure:
        return failure.may_pass
    except Exception:
        return False
    return False


@task(
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=2),
    retry_jitter_factor=0.5,
    retry_condition_fn=_may_pass,
    persist_result=False,
)
def run_stage(stage: str) -> State[Any]:
    """Bring one stage up to date.

    Returns:
        ``Completed``, or ``Completed`` named ``Cached`` when nothing had changed; the data is the
        time it took in seconds.

    Raises:
        StageFailed: with the stage's own sentence.
    """
    started = time.monotonic()
    if is_up_to_date(stage):
        _tell(stage, "nothing changed")
        return Completed(name="Cached", message="nothing changed", data=0.0)
    with contextlib.ExitStack() as held:
        if stage in NEEDS_ACCELERATOR:
            held.enter_context(
                accelerator(
                    _stopping,
                    lambda who: _tell(stage, f"waiting: {who} is training or measuring"),
                )
            )
        ran = _repro(stage)
    seconds = time.monotonic() - started
    if not ran:
        return Completed(name="Cached", message="nothing changed", data=seconds)
    return Completed(message=f"{seconds:.1f} s", data=seconds)


def _repro(stage: str) -> bool:
    """Run the child; True if the stage did work, False if DVC found nothing to do."""
    logger = get_run_logger()
    forget_failure(stage)
    child = subprocess.Popen(
        [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C reaches the driver alone, which passes it on once
        env=child_environment(),
    )
    _children.add(child)
    ran, full = False, None
    tail: list[str] = []
    try:
        assert child.stdout is not None
        for line in child.stdout:
            line = line.rstrip()
            if line.startswith(MARK):
                _tell(stage, line)
            elif line and not _stopping.is_set():  # what is interrupted may end with a traceback
                ran |= line.startswith("Running stage")
                full = full or full_disk_sentence(stage, line)
                tail = [*tail[-19:], line]
                logger.info(line)
                _tell(stage, line)
        status = child.wait()
    finally:
        _children.discard(child)
    if full is not None and failure_of(stage) is None:
        raise StageFailed(stage, full, DiskFull.exit_code, may_pass=False)
    if status != 0:
        raise failed(stage, status, tail)
    return ran


def failed(stage: str, status: int, tail: list[str]) -> StageFailed:
    """The error of a stage whose child has ended badly.

    Args:
        status: of the child, which is DVC; the stage's own is in what DVC says.
        tail: the last lines of both.
    """
    failure = failure_of(stage)
    if failure is None:  # it was killed, or never began: DVC itself refused
        if number := signal_that_ended(status, tail):
            return StageFailed(stage, killed_sentence(stage, number), 1, may_pass=False)
        sentence = next((line for line in tail if line.startswith("ERROR")), "\n".join(tail))
        if "it is being blocked by" in sentence:
            busy = f"{stage}: another DVC works on its files. Wait for it, and run again"
            return StageFailed(stage, busy, 2, may_pass=True)
        if "failed to run" in sentence:  # it did, and could not write it down: the disk is full
            said = [line for line in tail if not line.startswith(("ERROR", "Running stage", "> "))]
            sentence = said[-1] if said else sentence
        return StageFailed(stage, sentence.removeprefix("ERROR: "), 1, may_pass=False)
    return StageFailed(stage, failure["message"], failure["exit_code"], failure["may_pass"])


def signal_that_ended(status: int, tail: list[str]) -> int | None:
    """The number of the signal that ended a stage or the DVC that ran it; None: none did."""
    if status < 0:
        return -status
    for line in tail:
        if found := EXIT_STATUS.search(line):
            said = int(found[1])
            # A shell between DVC and the stage says it in its own way.
            number = -said if said < 0 else said - 128
            return number if number in set(signal.Signals) else None
    return None


def killed_sentence(stage: str, number: int) -> str:
    """What to tell of a stage that a signal has ended, which could say nothing itself."""
    name = next((known.name for known in signal.Signals if known == number), f"signal {number}")
    if number != signal.SIGKILL:
        return f"{stage} was ended by {name}. Run again to go on"
    smaller = f", with a smaller {stage}.batch_size if it was memory" if stage in TRAINS else ""
    return (
        f"{stage} was ended by {name}, perhaps because memory ran short. "
        f"Run again to go on{smaller}"
    )


def child_environment() -> dict[str, str]:
    """The stage's environment: this Python first on PATH, progress as JSON, and who drives."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "CHATWRIGHT_PROGRESS": "json",
        "CHATWRIGHT_DRIVER_PID": str(os.getpid()),
    }


def _tell(stage: str, line: str) -> None:
    for listener in _listeners:
        listener(stage, line)


def progress_of(line: str) -> dict[str, Any] | None:
    """The progress that a line carries; None for a line that is meant to be read."""
    return json.loads(line.removeprefix(MARK)) if line.startswith(MARK) else None
