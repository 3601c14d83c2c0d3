"""One stage at a time on a machine's accelerator, whoever drives it and in whichever folder.

Notable choices: the limit is a lock of the operating system, which a process that is killed gives
up. Prefect's own limits count holders in the server's database; a server that ends with its flow
(the ephemeral one) forgets that it has lent one, and the next run would wait for ever.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.5


@contextlib.contextmanager
def accelerator(stopping: threading.Event, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold this machine's accelerator while this lasts.

    Args:
        stopping: set when the flow is told to end; then the wait ends as well.
        on_wait: called once if another stage has it.

    Raises:
        KeyboardInterrupt: the flow was told to end while it waited.
    """
    held = FileLock(Path(tempfile.gettempdir()) / f"chatwright-accelerator-{os.getuid()}.lock")
    told = False
    while not held.is_locked:
        if stopping.is_set():
            raise KeyboardInterrupt
        try:
            held.acquire(timeout=POLL_SECONDS)
        except Timeout:
            if not told:
                told = True
                on_wait()
    try:
        yield
    finally:
        held.release()
