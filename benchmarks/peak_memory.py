"""The most memory that a program and its workers take, looked at from outside.

From inside, a thread would not come to look while a library holds the interpreter.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
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
            try:
                most = max(most, program.memory_info().rss)
                workers = [child.memory_info().rss for child in program.children()]
                most_of_workers = max([most_of_workers, *workers])
            except psutil.Error:
                pass  # one of them has just ended
            time.sleep(LOOK_SECONDS)
        if program.returncode:
            raise BadInput(" ".join(command[:3]), f"it ended with {program.returncode}")
        printed.seek(0)
        return Ended(printed.read(), most, most_of_workers)
