"""Environment variables that every process of ours wants, set once and in one place.

The libraries below report usage to their makers unless told otherwise, and some of them print
errors or wait for minutes where there is no network. A user who wants any of it sets the variable
to something else: what is set already is left alone.
"""

import os

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # The first start makes Prefect's database, which takes a slow machine more than its 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}


def set_quiet_defaults() -> None:
    """Turn off telemetry for this process and its children, where the user has not decided."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
