"""The spool: one file of JSON lines a stage run, in a folder a build, read by the side process.

A build is everything from the first stage that has work until ``register`` has registered the
result, whoever drives and however often it is interrupted. Its folder's name stands in
``.chatwright/tracking/current``.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

FOLDER = Path(".chatwright/tracking")
CURRENT = FOLDER / "current"
SHIPPING = FOLDER / "shipping.lock"
"""Held by the side process while it is at work."""

LOG = FOLDER / "shipping.log"
BEGINS = "the side process begins"
"""What it says there first, after the time, so that an old error is known for one."""

AN_ERROR = re.compile(r"[\w.]*(?:Error|Exception|Timeout)\b.*")
LONGEST_HALF = 150


def current_build(params: Mapping[str, Any] | None = None) -> Path:
    """The folder of the build under way; a new one where there is none, or where the one under way
    was begun with other parameters than these."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()[:12]
    while True:
        found = _current()
        if found is not None:
            build, begun_with = found
            if params is None or begun_with == digest:
                return FOLDER / build
            CURRENT.unlink(missing_ok=True)
        build = time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6]
        whole = FOLDER / f"{build}.current"
        whole.write_text(f"{build} {digest}", encoding="utf-8")
        (FOLDER / build).mkdir()
        try:
            # Two stages may start side by side: the first to put the file there decides.
            os.link(whole, CURRENT)
        except FileExistsError:
            (FOLDER / build).rmdir()
        except OSError:  # no hard links on this disk, as on exFAT: whoever comes last decides
            whole.replace(CURRENT)
        finally:
            whole.unlink(missing_ok=True)


def is_current(build: Path) -> bool:
    """Whether further stages of a build may come."""
    found = _current()
    return found is not None and found[0] == build.name


def _current() -> tuple[str, str] | None:
    """The name of the build under way, and what it was begun with."""
    try:
        build, begun_with = CURRENT.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return None
    except ValueError:  # an earlier version of this program wrote it on a full disk
        CURRENT.unlink(missing_ok=True)
        return None
    return build, begun_with


def close_build() -> None:
    """Let the next stage that has work begin a new build."""
    CURRENT.unlink(missing_ok=True)


class Spool:
    """What one run of one stage notes for MLflow. Appending is cheap and never waits.

    Args:
        build: the folder of what the run is part of; None: of the build under way.
    """

    def __init__(self, stage: str, params: Mapping[str, Any], build: Path | None = None) -> None:
        self.build = build or current_build(params)
        self.build.mkdir(parents=True, exist_ok=True)
        self._attachments = 0
        self._path = self.build / f"{time.time_ns()}-{stage}.jsonl"
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115 - open until close()

    def append(self, kind: str, **fields: Any) -> None:
        """Add one event: ``start``, ``input``, ``metrics``, ``attachment`` or ``end``."""
        self._file.write(json.dumps({"kind": kind, "time": time.time(), **fields}) + "\n")
        self._file.flush()

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each of the named curves."""
        self.append("metrics", values={k: float(v) for k, v in values.items()}, step=step)

    def text(self, name: str, text: str) -> None:
        """Attach a text, shown by MLflow under ``name``."""
        self._attach(name).write_text(text, encoding="utf-8")

    def figure(self, path: Path) -> None:
        """Attach a copy of a file."""
        shutil.copyfile(path, self._attach(path.name))

    def _attach(self, name: str) -> Path:
        self._attachments += 1
        folder = self._path.with_suffix(f".{self._attachments}")
        folder.mkdir()
        self.append("attachment", file=str(folder / name))
        return folder / name

    def close(self) -> None:
        """Nothing more comes from this stage run."""
        self._file.close()


def start_shipping() -> None:
    """Start the side process; it ends at once if another is at work, and by itself when done."""
    log = open(LOG, "ab")  # noqa: SIM115 - the child's own from here on
    subprocess.Popen(
        [sys.executable, "-m", "tasks.tracking"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        env={**os.environ, "CHATWRIGHT_PROGRESS": ""},
    )
    log.close()


def say_that_shipping_begins() -> None:
    """Write when a side process began: its errors stand below, in what is its log."""
    print(f"{datetime.now().astimezone().isoformat()} {BEGINS}", flush=True)


def last_shipping_error(since: float) -> str | None:
    """The last error of the side processes that have begun since a time (seconds of the epoch), in
    one line, shortened; None if they have told of none."""
    try:
        lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    said, is_recent = None, False
    for line in lines:
        when, _, what = line.partition(" ")
        if what == BEGINS:
            is_recent = datetime.fromisoformat(when).timestamp() >= since
        elif is_recent and AN_ERROR.match(line):
            said = line
    if said is None or len(said) <= 2 * LONGEST_HALF:
        return said
    return f"{said[:LONGEST_HALF]} ... {said[-LONGEST_HALF:]}"  # the cause stands at the end


def parent_run_id(build: Path, wait_seconds: float) -> str | None:
    """The MLflow run of a build, once the side process has made it; None if it takes too long."""
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        try:
            return json.loads((build / "state.json").read_text(encoding="utf-8"))["parent"]
        except (FileNotFoundError, KeyError):
            time.sleep(0.1)
    return None


def ship_all(seconds: float, build: Path | None = None) -> bool:
    """Wait until MLflow has everything, with a side process at work; False if it takes longer.

    Args:
        build: wait for the runs of this folder only.
    """
    deadline = time.monotonic() + seconds
    looked = 0.0
    while has_unshipped(build):
        if time.monotonic() > deadline:
            return False
        if time.monotonic() - looked > 5:  # one that is at work makes a second end at once
            looked = time.monotonic()
            start_shipping()
        time.sleep(0.2)
    return True


def wait_for_the_side_process(seconds: float) -> None:
    """Wait until the side process has ended its work, as it does once there is none; no longer
    than so many seconds."""
    if FOLDER.exists():
        with contextlib.suppress(Timeout), FileLock(SHIPPING, timeout=seconds):
            pass


def has_unshipped(build: Path | None = None) -> bool:
    """Whether anything is spooled, of all or of one build, that MLflow does not have yet."""
    if build is not None:
        return build.exists()
    return FOLDER.exists() and any(path.is_dir() for path in FOLDER.iterdir())
