"""What every stage shares: parameters, inputs, outputs, progress, report, tracking, resume.

A stage's ``main`` opens ``with Stage("pack") as stage:`` around its plain function. Outputs are
written beside their final place and renamed at the end, so that a stage that fails, is stopped or
is killed leaves what stood before. One error sentence goes to stderr; the exit status is 2 for
what the user can mend, 1 for what we have to mend, 130 after an interruption.
"""

import contextlib
import errno
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from filelock import FileLock, Timeout
from pydantic import BaseModel

from chatwright.environment import set_quiet_defaults
from chatwright.errors import (
    AnotherRun,
    BadInput,
    ChatwrightError,
    DiskFull,
    MissingInput,
    ServiceUnavailable,
)
from chatwright.whole_file import write_whole
from tasks.arguments import answer_arguments
from tasks.driver import end_with_the_driver
from tasks.lineage import file_hash, git_commit, output_hash
from tasks.params import Params, load_params
from tasks.placing import aside, put_in_place, remove, sync
from tasks.progress import Display
from tasks.tracking.spool import Spool, start_shipping
from tasks.work import NAME, changes_since_the_last, fingerprint, what_decides

WORK = Path(".chatwright")
FAILED = WORK / "failed"
INTERRUPTED = 130  # the exit status that shells give for Ctrl-C
# An orphan of a killed run ends by itself well within that.
LOCK_WAIT_SECONDS = float(os.environ.get("CHATWRIGHT_LOCK_WAIT_SECONDS", "20"))


def failure_of(stage: str) -> dict[str, Any] | None:
    """How the last run of a stage failed: ``message``, ``exit_code`` and ``may_pass`` (whether
    trying again may help); None if it did not fail."""
    try:
        return json.loads((FAILED / f"{stage}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def forget_failure(stage: str) -> None:
    """Let a failure of the past be forgotten."""
    (FAILED / f"{stage}.json").unlink(missing_ok=True)


class Stage:
    """One run of one stage in the current folder, as a context manager."""

    def __init__(self, name: str) -> None:
        set_quiet_defaults()
        self.name = name
        self._outputs: dict[Path, Path] = {}
        self._report: dict[str, Any] = {}
        self._keeps = False
        self._spool: Spool | None = None
        self._lock = FileLock(WORK / "locks" / f"{name}.lock")

    def __enter__(self) -> "Stage":
        answer_arguments(self.name)
        try:
            self._enter()
        except (ChatwrightError, KeyboardInterrupt, OSError) as error:
            sys.exit(self._said(error))
        return self

    def _enter(self) -> None:
        signal.signal(signal.SIGTERM, interrupt)
        # A shell starts what it runs in the background deaf to Ctrl-C; the driver passes it on so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        end_with_the_driver()
        self.params: Params = load_params()
        (WORK / "locks").mkdir(parents=True, exist_ok=True)
        forget_failure(self.name)
        try:
            self._lock.acquire(timeout=LOCK_WAIT_SECONDS)
        except Timeout:
            raise AnotherRun(
                self.name, "another process builds this stage", "Wait for it, or stop it"
            ) from None
        self._started = time.monotonic()
        self.progress = Display(self.name)
        tree = self.params.model_dump(by_alias=True, mode="json")
        self._spool = Spool(self.name, tree)
        self._spool.append(
            "start",
            stage=self.name,
            pid=os.getpid(),
            commit=git_commit(),
            params={k: tree[k] for k in ("seed", "model", self.name) if k in tree},
            all_params=tree,
        )
        start_shipping()

    def input(self, path: str | Path) -> Path:
        """A file or folder that this stage reads.

        Raises:
            MissingInput: it is not there.
        """
        path = Path(path)
        if not path.exists():
            raise MissingInput(
                str(path), f"{self.name} needs it and it is not there", "Run: chatwright run"
            )
        if md5 := output_hash(path.as_posix()) or file_hash(path):
            self.has_read(path.as_posix(), md5)
        return path

    def has_read(self, name: str, content: str) -> None:
        """Note an input by a hash of its content."""
        if self._spool:
            self._spool.append("input", path=name, md5=content)

    def output(self, path: str | Path) -> Path:
        """Where to write an output: a name beside ``path``, renamed to it when all is done."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial, before = path.with_name(f".{path.name}.partial"), aside(path)
        if before.exists() and not path.exists():
            before.rename(path)  # killed between the two renames of put_in_place
        for leftover in (partial, before):
            remove(leftover)
        self._outputs[path] = partial
        return partial

    def work(self, *inputs: Path, params: Mapping[str, Any] | BaseModel) -> Path:
        """The folder for work in progress of just these parameters and inputs.

        It outlives a killed run, so that the same work resumes there; it is removed when the
        stage succeeds.
        """
        if isinstance(params, BaseModel):
            params = params.model_dump(mode="json")
        decides = what_decides(params, inputs)
        folder = WORK / self.name / fingerprint(decides)
        if (folder / NAME).exists():
            self.log(f"continuing what an earlier run of the same work left in {folder}")
            return folder
        if changes := changes_since_the_last(folder, decides):
            self.log(f"starting afresh, since this changed after the unfinished run: {changes}")
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / NAME, json.dumps(decides))
        return folder

    def kept(self) -> Path:
        """The folder for what is kept from one run to the next; the stage sees to what is in it."""
        self._keeps = True
        return WORK / self.name

    def log(self, line: str) -> None:
        """Say one line."""
        print(f"{self.name}: {line}", flush=True)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Add points to the run's curves. Never waits."""
        self._noted().metrics(values, step)

    def text(self, name: str, text: str) -> None:
        """Attach a text (``samples.md``) to the run."""
        self._noted().text(name, text)

    def figure(self, path: Path) -> None:
        """Attach a picture to the run."""
        self._noted().figure(path)

    def report(self, report: BaseModel | Mapping[str, Any]) -> None:
        """The stage's metrics: written to ``reports/<stage>.json`` and tracked."""
        if isinstance(report, BaseModel):
            report = report.model_dump(mode="json")
        self._report = dict(report)
        path = self.output(f"reports/{self.name}.json")
        path.write_text(json.dumps(self._report, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def plot(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """A plot's data, as ``reports/plots/<name>.json`` for ``dvc plots``."""
        path = self.output(f"reports/plots/{name}.json")
        path.write_text(json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n", "utf-8")

    def _noted(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("the stage has not been entered")
        return self._spool

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.close()
        status, code = "FINISHED", 0
        if error is None:
            try:
                self._place_outputs()
            except (OSError, KeyboardInterrupt) as failure:
                error = failure
        if error is not None:
            for partial in self._outputs.values():
                remove(partial)
            code = self._said(error)
            status = "KILLED" if code == INTERRUPTED else "FAILED"
        seconds = time.monotonic() - self._started
        with contextlib.suppress(OSError):  # a full disk has been told of; MLflow learns of the end
            self._noted().append("end", status=status, report=self._report if not code else {})
            self._noted().close()
        self._lock.release()
        if code:
            sys.exit(code)
        if not self._keeps:
            remove(WORK / self.name)
        self.log(f"done in {seconds:.1f} s")

    def give_up(self, error: ChatwrightError) -> NoReturn:
        """End this process at once, from another thread, where the main one waits for ever."""
        for partial in self._outputs.values():
            remove(partial)
        code = self._said(error)
        with contextlib.suppress(OSError):
            self._noted().append("end", status="FAILED", report={})
            self._noted().close()
        os._exit(code)

    def _place_outputs(self) -> None:
        for partial in self._outputs.values():
            sync(partial)
        for path, partial in self._outputs.items():
            put_in_place(partial, path)

    def _said(self, error: BaseException) -> int:
        """Tell the user what happened, once, and give the exit status."""
        if _is_disk_full(error):
            error = DiskFull(
                str(getattr(error, "filename", None) or self.name),
                "the disk is full, so nothing was written and what stood before still stands",
                "Free some space and run again",
            )
        if (
            isinstance(error, OSError)
            and error.errno in (errno.EROFS, errno.EACCES)
            and error.filename  # without one it is no file, but a firewall, say
        ):
            error = BadInput(
                str(error.filename),
                f"it cannot be used: {error.strerror}",
                "See to its permissions, or copy the project to where you may write",
            )
        if isinstance(error, KeyboardInterrupt):
            message, code = f"{self.name}: interrupted. Run again to go on.", INTERRUPTED
        elif isinstance(error, ChatwrightError):
            message, code = str(error), error.exit_code
        else:
            traceback.print_exception(error)
            message, code = f"{self.name}: {type(error).__name__}: {error}", 1
        print(message, file=sys.stderr, flush=True)
        may_pass = isinstance(error, ServiceUnavailable | ConnectionError | TimeoutError)
        with contextlib.suppress(OSError):  # the disk may be full; the sentence has been said
            FAILED.mkdir(parents=True, exist_ok=True)
            failure = {"message": message, "exit_code": code, "may_pass": may_pass}
            write_whole(FAILED / f"{self.name}.json", json.dumps(failure))
        return code


def interrupt(number: int, frame: object) -> None:
    """What a signal does to a stage."""
    raise KeyboardInterrupt


def _is_disk_full(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        # Rust libraries (safetensors, tokenizers) give the number only in the text.
        if getattr(cause, "errno", None) == errno.ENOSPC or "os error 28" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
