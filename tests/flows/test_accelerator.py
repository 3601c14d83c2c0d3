"""Who waits for the accelerator is told who has it."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from flows.accelerator import accelerator

ROOT = Path(__file__).resolve().parents[2]
HOLDS = """
import sys, threading
from flows.accelerator import accelerator
with accelerator(threading.Event(), print):
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the lock, so that builds of this machine do not count."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def held_in(folder: Path) -> subprocess.Popen[str]:
    """Another process, in a folder of its own, that has the accelerator until its input ends."""
    folder.mkdir()
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "has it\n"
    return other


def said_while_waiting(other: subprocess.Popen[str]) -> list[str]:
    """What is said to who comes second; the first ends its work then."""
    said: list[str] = []

    def wait(who: str) -> None:
        said.append(who)
        other.communicate()

    with accelerator(threading.Event(), wait):
        pass
    return said


def test_the_folder_and_process_that_have_it_are_named(shared: Path) -> None:
    other = held_in(shared / "first")
    assert said_while_waiting(other) == [f"the build in {shared}/first (process {other.pid})"]


def test_a_killed_build_leaves_no_name_behind(shared: Path) -> None:
    killed = held_in(shared / "killed")
    (note,) = shared.glob("*.json")
    stale = note.read_text("utf-8")
    killed.kill()
    killed.communicate()
    other = held_in(shared / "second")
    note.write_text(stale, "utf-8")  # as if the second had not written yet
    assert said_while_waiting(other) == ["another build on this machine"]


def test_a_process_of_the_same_number_is_another(shared: Path) -> None:
    other = held_in(shared / "second")
    (note,) = shared.glob("*.json")
    note.write_text(json.dumps({"folder": "/gone", "pid": os.getpid(), "started": 0.0}), "utf-8")
    assert said_while_waiting(other) == ["another build on this machine"]
