"""One stage at a time on a machine's accelerator, whoever drives it and in whichever folder.

Notable choices: the limit is a lock of the operating system, which a process that is killed gives
up. Prefect's own limits count holders in the server's database; a server that ends with its flow
(the ephemeral one) forgets that it has lent one, and the next run would wait for ever. Who holds it
stands in a file beside the lock, since some versions of filelock empty the lock with every try; it
counts only while its process lives.
"""

import contextlib
import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from chatwright.whole_file import write_whole

POLL_SECONDS = 0.5


@contextlib.contextmanager
def accelerator(stopping: threading.Event, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold this machine's accelerator while this lasts.

    Args:
        stopping: set when the flow is told to end; then the wait ends as well.
        on_wait: called once if another stage has it, with who that is.

    Raises:
        KeyboardInterrupt: the flow was told to end while it waited.
    """
    lock = Path(tempfile.gettempdir()) / f"chatwright-accelerator-{os.getuid()}.lock"
    held, note = FileLock(lock), lock.with_suffix(".json")
    told = False
    while not held.is_locked:
        if stopping.is_set():
            raise KeyboardInterrupt
        try:
            held.acquire(timeout=POLL_SECONDS)
        except Timeout:
            if not told:
                told = True
                on_wait(holder(note))
    try:
        with contextlib.suppress(OSError):  # a full disk: who waits is told less
            write_whole(note, json.dumps(this_build()))
        yield
    finally:
        note.unlink(missing_ok=True)
        held.release()


def this_build() -> dict[str, Any]:
    """What others are told of this process; its start tells it from another of that number."""
    this = psutil.Process()
    return {"folder": os.getcwd(), "pid": this.pid, "started": this.create_time()}


def holder(note: Path) -> str:
    """Who has the accelerator, as a note says whose process is still there."""
    try:
        noted = json.loads(note.read_text(encoding="utf-8"))
        if psutil.Process(noted["pid"]).create_time() == noted["started"]:
            return f"the build in {noted['folder']} (process {noted['pid']})"
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        pass  # it was killed and the next has not written yet, or an older version holds it
    return "another build on this machine"
