"""Ends a stage whose driver is gone: the flow's process, or the ``dvc`` above it."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil


def end_with_the_driver(by: signal.Signals = signal.SIGTERM) -> None:
    """Stop this process, with a signal, when the one that drives it is gone.

    A driver that is killed cannot stop its stages, and a stage left at work would meet the next
    run of the same stage. The driver is the flow's process, or the ``dvc`` above this one.
    """
    named = os.environ.get("CHATWRIGHT_DRIVER_PID")
    if named:
        try:
            driver: psutil.Process | None = psutil.Process(int(named))
        except psutil.NoSuchProcess:
            raise KeyboardInterrupt from None
    else:
        above = psutil.Process().parents()[:3]
        driver = next((p for p in above if _is_dvc(_command(p))), None)
    if driver is None:
        return

    def watch(driver: psutil.Process) -> None:
        while driver.is_running() and driver.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.5)
        os.kill(os.getpid(), by)

    threading.Thread(target=watch, args=(driver,), daemon=True).start()


def _is_dvc(command: list[str]) -> bool:
    return command[1:3] == ["-m", "dvc"] or any(Path(part).name == "dvc" for part in command[:2])


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
