"""``chatwright ui``: the pages on which runs can be looked at."""

import os
import subprocess
import sys

from rich.console import Console

from serving.server import listening
from tasks.params import load_params


def ui(host: str, port: int) -> None:
    """Start MLflow's page until interrupted, and say where Prefect's is.

    Raises:
        PortInUse: another program listens there.
    """
    console = Console(highlight=False)
    uri = load_params().tracking.uri
    console.print(f"Flows, in Prefect: {prefect_page()}")
    if uri.startswith(("http://", "https://")):
        console.print(f"Runs and models, in MLflow: {uri}")
        return
    with listening(host, port, "ui"):
        pass  # free; MLflow would say so less clearly
    console.print(f"Runs and models, in MLflow: http://{host}:{port} (Ctrl-C ends it)")
    # One worker and no job runner: a fifth of the memory of `mlflow ui`, and quicker to start.
    command = ["-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    subprocess.run(
        [sys.executable, *command, "--host", host, "--port", str(port)],
        env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        check=False,
    )


def prefect_page() -> str:
    """Where Prefect's page is, or how to get one."""
    api = os.environ.get("PREFECT_API_URL")
    if api:
        return api.rstrip("/").removesuffix("/api")
    return (
        "http://127.0.0.1:4200 after `prefect server start`; runs go there with "
        "PREFECT_API_URL=http://127.0.0.1:4200/api"
    )
