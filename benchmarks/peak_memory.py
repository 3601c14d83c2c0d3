"""The most memory that a program and its workers take, as the system notes it of each (VmHWM).

Looked at again and again, since what is noted of a process goes with it. On Linux.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from chatwright.errors import BadInput

LOOK_SECONDS = 0.05


class Ended(NamedTuple):
    """What a program printed, and the most that it and the largest of its workers took, in
    bytes; 0: it had none."""

    printed: str
    bytes: int
    worker_bytes: int


def watched(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a program to its end.

    Raises:
        BadInput: it failed.
    """
    most = most_of_workers = 0
    with (
        tempfile.TemporaryFile("w+") as printed,
        psutil.Popen(command, env=environment, stdout=printed, text=True) as program,
    ):
        while program.poll() is None:
            most = max(most, peak(program.pid))
            with suppress(psutil.Error):  # it has just ended
                for child in program.children(recursive=True):
                    most_of_workers = max(most_of_workers, peak(child.pid))
            time.sleep(LOOK_SECONDS)
        if program.returncode:
            raise BadInput(" ".join(command[:3]), f"it ended with {program.returncode}")
        printed.seek(0)
        return Ended(printed.read(), most, most_of_workers)


def peak(pid: int) -> int:
    """The most memory that a process has taken so far, in bytes; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    noted = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(noted[0]) * 1024 if noted else 0
