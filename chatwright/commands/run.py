"""``chatwright run``: the whole line, shown while it works, with a summary at the end."""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from filelock import FileLock, Timeout
from rich.markup import escape

from chatwright.commands.parameters import apply_choices
from chatwright.commands.summary import print_summary
from chatwright.console import RunConsole
from chatwright.errors import AnotherRun, BadInput, MissingInput
from tasks.params import Params, load_params
from tasks.possible_here import check_here
from tasks.stage import INTERRUPTED
from tasks.tracking.answering import check_answers
from tasks.tracking.spool import has_unshipped, ship_all, wait_for_the_side_process

WORK = Path(".chatwright")
RUN = WORK / "run.json"
TERMINATED = 128 + signal.SIGTERM  # the exit status that shells give for it
SHIPPING_SECONDS = 120.0
SECONDS_TO_STOP = 20.0
SECONDS_TO_END = 5.0


def run(preset: str | None, settings: list[str]) -> None:
    """Build what is not up to date, with parameters changed first if asked.

    Raises:
        MissingInput: this folder is no project, or a parameter names what is not there.
        AnotherRun: one is at work in this folder.
        BadParameter: a preset or setting cannot be used, or not on this machine; nothing has been
            changed.
        BadInput: this folder cannot be written to.
        StageFailed: a stage ended with an error.
        ServiceUnavailable: the MLflow or Prefect server that is set does not answer, or one of
            Prefect's own does not start.
    """
    if not Path("dvc.yaml").exists():
        raise MissingInput(
            str(Path.cwd()), "there is no dvc.yaml", "Go to the folder of your Chatwright project"
        )
    started = time.monotonic()
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as shells start it in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with the_only_run(), RunConsole() as shown:
        shown.say("Checking the choices ...")
        for change in apply_choices(preset, settings, check_before_work):
            shown.say(f"params.yaml, {escape(change)}")
        forget_a_lost_registry()
        results = built(shown)
        if has_unshipped():
            shown.say("Waiting for MLflow to have everything ...")
            if not ship_all(SHIPPING_SECONDS):
                shown.say(
                    "MLflow does not take it (.chatwright/tracking/shipping.log says why); "
                    "what is missing there is sent by the next run."
                )
        wait_for_the_side_process(SECONDS_TO_END)
    print_summary(shown.console, results, time.monotonic() - started)


def check_before_work(params: Params) -> None:
    """See that the stages will have what they need, so that none comes to know it after hours.

    Raises:
        BadParameter: this machine has not what is asked for.
        ServiceUnavailable: nobody answers at ``tracking.uri``.
    """
    check_answers(params.tracking.uri)
    check_here(params)


def forget_a_lost_registry() -> None:
    """Have ``register`` run again where its database is gone.

    DVC would find nothing changed, and there would be nothing to serve.
    """
    uri = load_params().tracking.uri
    database = uri.removeprefix("sqlite:///")
    if database != uri and not Path(database).exists():
        Path("reports/register.json").unlink(missing_ok=True)


def built(shown: RunConsole) -> list[Any]:
    """Run the flow in this process, with Prefect's own server or the one that is set."""
    # The flow's log goes to Prefect; what a person wants to see of it is shown by RunConsole.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    shown.say("Starting the flow ...")
    from flows.build import build
    from flows.server import (
        check_server,
        named_server,
        own_server_has_ended,
        start_own_server,
    )
    from flows.stages import is_a_stage_at_work, listening, progress_of, stop_children

    told: list[int] = []

    def terminated(number: int, frame: FrameType | None) -> None:
        if told:  # Prefect sends itself the signal again when it has tidied up
            raise KeyboardInterrupt
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, terminated)  # dead at once, this process would not tidy up
    if (where := named_server()) is not None:
        check_server(where)
        shown.say(f"Reported to the Prefect server at {where}")
    else:
        make_prefect_home()
        start_own_server(note_this_run)

    def listener(stage: str, line: str) -> None:
        if event := progress_of(line):
            shown.progress(**event)
        else:
            shown.line(stage, line)

    def told_to_stop(number: int) -> None:
        told.append(number)
        shown.say("Stopping; run again to go on.")
        threading.Thread(target=end_at_last, args=[status_of(number)], daemon=True).start()

    def end_at_last(status: int) -> None:
        # Prefect would wait for a server that is gone, too, for a minute, and print what it misses.
        last = time.monotonic() + SECONDS_TO_STOP
        is_own = where is None
        while time.monotonic() < last:
            if is_own and own_server_has_ended() and not is_a_stage_at_work():
                break
            time.sleep(0.1)
        give_up(status)

    try:
        with listening(listener, told_to_stop):
            return build()
    except BaseException:
        if told and status_of(told[0]) == TERMINATED:
            sys.exit(TERMINATED)
        if told:
            raise KeyboardInterrupt from None
        raise
    finally:
        stop_children()


@contextlib.contextmanager
def the_only_run() -> Iterator[None]:
    """Hold the folder's lock; end what a killed run has left running.

    Raises:
        AnotherRun: it is held.
        BadInput: the folder cannot be written to.
    """
    lock = FileLock(WORK / "run.lock")
    try:
        WORK.mkdir(exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise AnotherRun(
            str(Path.cwd()), "another `chatwright run` is at work here", "Wait for it, or stop it"
        ) from None
    except OSError as error:
        raise BadInput(
            str(error.filename or Path.cwd()),
            f"the project's folder cannot be written to: {error.strerror or error}",
            "Make it writable, or copy the project to where you may write",
        ) from None
    try:
        end_leftovers()
        yield
        RUN.unlink(missing_ok=True)
    finally:
        lock.release()


def status_of(number: int) -> int:
    """The exit status of a run that was told to stop by a signal."""
    return TERMINATED if number == signal.SIGTERM else INTERRUPTED


def give_up(status: int) -> None:
    """End this process and the Prefect server that it has started, at once."""
    end_leftovers()
    os._exit(status)


def make_prefect_home() -> None:
    """Make the folder of Prefect's database: without it, its server would start for ever.

    Raises:
        BadInput: it cannot be made.
    """
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            str(home),
            f"Prefect keeps its database there, and it cannot be made: {error.strerror}",
            "Name another folder with PREFECT_HOME",
        ) from None


def note_this_run() -> None:
    """Write down the Prefect server that this process has started, for ``end_leftovers``."""
    servers = [
        {"pid": child.pid, "started": child.create_time()}
        for child in psutil.Process().children()
        if any("prefect.server" in part for part in child.cmdline())
    ]
    RUN.write_text(json.dumps(servers), encoding="utf-8")


def end_leftovers() -> None:
    """End the Prefect server of a run that was killed: nobody else would."""
    if not RUN.exists():
        return
    for noted in json.loads(RUN.read_text(encoding="utf-8") or "[]"):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(noted["pid"])
            if process.create_time() == noted["started"]:
                process.terminate()
    RUN.unlink()
