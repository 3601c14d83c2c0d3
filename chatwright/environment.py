"""Environment variables that every process of ours wants, set once and in one place.

The libraries below report usage to their makers unless told otherwise, and some of them print
errors or wait for minutes where there is no network. A user who wants any of it sets the variable
to something else: what is set already is left alone.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # With a workspace of a set size, cuBLAS gives the same bits each time.
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    # The first start makes Prefect's database, which takes a slow machine more than its 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def set_quiet_defaults() -> None:
    """Turn off telemetry for this process and its children, where the user has not decided."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on a Mac
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Launched:
    """This process among those that train one model together.

    ``by`` is what started them: torchrun, SLURM, or the first of them itself (``chatwright``).
    """

    rank: int
    processes: int
    nodes: int
    by: Literal["torchrun", "SLURM", "chatwright"]


def launched(environment: Mapping[str, str] = os.environ) -> Launched | None:
    """What the environment says of this process, as Lightning reads it; None: it is alone."""
    of = environment
    if "TORCHELASTIC_RUN_ID" in of:
        processes = int(of["WORLD_SIZE"])
        nodes = processes // int(of.get("LOCAL_WORLD_SIZE", processes))
        return Launched(int(of["RANK"]), processes, nodes, "torchrun")
    if "CHATWRIGHT_PROCESSES" in of:
        return Launched(int(of["LOCAL_RANK"]), int(of["CHATWRIGHT_PROCESSES"]), 1, "chatwright")
    # Of the step that srun makes: the script of a job has numbers of the whole job, and is alone.
    if (processes := int(of.get("SLURM_STEP_NUM_TASKS", 1))) > 1:
        nodes = int(of.get("SLURM_STEP_NUM_NODES", 1))
        return Launched(int(of["SLURM_PROCID"]), processes, nodes, "SLURM")
    return None
