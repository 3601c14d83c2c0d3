"""What drives a stage, the flow's process or the ``dvc`` above it: the stage ends with it."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil


def end_with_the_driver(by: signal.Signals = signal.SIGTERM) -> None:
    """Stop this process, with a signal, when the one that drives it is gone.

    A driver that is killed cannot stop its stages, and a stage left at work would meet the next
    run of the same stage.
    """
    try:
        driver = _driver()
    except psutil.NoSuchProcess:
        raise KeyboardInterrupt from None
    if driver is None:
        return

    def watch(driver: psutil.Process) -> None:
        while driver.is_running() and driver.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.5)
        os.kill(os.getpid(), by)

    threading.Thread(target=watch, args=(driver,), daemon=True).start()


def run_began() -> float:
    """When the run that this stage belongs to began: its driver, or this process where none is."""
    try:
        return (_driver() or psutil.Process()).create_time()
    except psutil.NoSuchProcess:
        return psutil.Process().create_time()


def _driver() -> psutil.Process | None:
    """What drives this process, by the environment's word or as it is the ``dvc`` above."""
    if named := os.environ.get("CHATWRIGHT_DRIVER_PID"):
        return psutil.Process(int(named))
    above = psutil.Process().parents()[:3]
    return next((p for p in above if _is_dvc(_command(p))), None)


def _is_dvc(command: list[str]) -> bool:
    return command[1:3] == ["-m", "dvc"] or any(Path(part).name == "dvc" for part in command[:2])


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
