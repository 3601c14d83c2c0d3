"""A process that is killed in the midst of the work."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def killing(find: Callable[[], int | None]) -> Iterator[list[int]]:
    """While this lasts, look for a process, and kill the first that there is.

    Args:
        find: its number; None as long as it is not time.

    Yields:
        What was killed: the number, once it has been.
    """
    over = threading.Event()
    killed: list[int] = []

    def look() -> None:
        while not over.wait(0.01):
            if (pid := find()) is not None:
                killed.append(pid)
                os.kill(pid, signal.SIGKILL)
                return

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield killed
    finally:
        over.set()
        looking.join()
