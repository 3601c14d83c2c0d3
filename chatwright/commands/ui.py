"""``chatwright ui``: the pages on which runs can be looked at."""

import os
import signal
import subprocess
import sys
import time

import psutil
from rich.console import Console

from chatwright.errors import ServiceUnavailable
from serving.server import listening
from tasks.named_in_params import check_tracking
from tasks.params import load_params

SECONDS_TO_END = 5.0


def ui(host: str, port: int) -> None:
    """Start MLflow's page until SIGINT, SIGTERM or SIGHUP, and say where Prefect's is.

    Raises:
        PortInUse: another program listens there.
        BadParameter, MissingInput: MLflow cannot be at ``tracking.uri``.
        ServiceUnavailable: MLflow's server has ended by itself.
    """
    console = Console(highlight=False)
    tracking = load_params().tracking
    check_tracking(tracking)
    uri = tracking.uri
    if uri.startswith(("http://", "https://")):
        console.print(f"Flows, in Prefect: {prefect_page()}")
        console.print(f"Runs and models, in MLflow: {uri}")
        return
    with listening(host, port, "ui"):
        pass  # free; MLflow would say so less clearly
    console.print(f"Flows, in Prefect: {prefect_page()}")
    console.print(f"Runs and models, in MLflow: http://{host}:{port} (Ctrl-C ends it)")
    # One worker and no job runner: a fifth of the memory of `mlflow ui`, and quicker to start.
    command = ["-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    run_until_told(
        [sys.executable, *command, "--host", host, "--port", str(port)],
        {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    )
    console.print("Stopped.")


def run_until_told(command: list[str], environment: dict[str, str]) -> None:
    """Run MLflow's server until a signal says to end, then end it and what it has started.

    Raises:
        ServiceUnavailable: it has ended by itself.
    """
    told: list[int] = []
    # Also where a shell has started this in the background, deaf to Ctrl-C; but nohup is heeded.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: told.append(number))
    # In a session of its own: Ctrl-C reaches this process alone, which ends it once.
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    while not told:
        if server.poll() is not None:
            raise ServiceUnavailable(
                "MLflow's server",
                f"it has ended by itself, with status {server.returncode}",
                "What it printed says why",
            )
        time.sleep(0.1)
    end(psutil.Process(server.pid))


def end(server: psutil.Process) -> None:
    """End a process and all that it has started, by force after ``SECONDS_TO_END``."""
    processes = [server]
    try:
        processes += server.children(recursive=True)
        os.killpg(server.pid, signal.SIGTERM)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
    _, alive = psutil.wait_procs(processes, timeout=SECONDS_TO_END)
    for process in alive:
        process.kill()


def prefect_page() -> str:
    """Where Prefect's page is, or how to get one."""
    api = os.environ.get("PREFECT_API_URL")
    if api:
        return api.rstrip("/").removesuffix("/api")
    return (
        "http://127.0.0.1:4200 after `prefect server start`; runs go there with "
        "PREFECT_API_URL=http://127.0.0.1:4200/api"
    )
