"""The Prefect server that a flow reports to: one that is named, or one of its own."""

import signal
import threading
from collections.abc import Callable

import httpx
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings

from chatwright.errors import ServiceUnavailable


def named_server() -> str | None:
    """The address of the server that Prefect's settings name, in whichever way; None: of none."""
    return get_current_settings().api.url


def start_own_server(on_process: Callable[[], None]) -> None:
    """Start the server that Prefect runs beside a flow where none is named; it ends with this
    process.

    Prefect would start the same one by itself. Started here, Ctrl-C, which a terminal sends to
    every process, does not reach it: it has to note how the flow ended.

    Args:
        on_process: called as soon as there is a process, seconds before it answers.

    Raises:
        ServiceUnavailable: it does not start.
    """
    if not get_current_settings().server.ephemeral.enabled:
        return  # and Prefect says so
    from prefect.server.api.server import SubprocessASGIServer  # brings all of the server

    failures: list[Exception] = []

    def start() -> None:
        # What this thread starts inherits it; the main thread still hears Ctrl-C meanwhile.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            SubprocessASGIServer().start()
        except (RuntimeError, OSError, httpx.HTTPError) as error:
            failures.append(error)

    starting = threading.Thread(target=start, daemon=True)
    starting.start()
    while starting.is_alive() and SubprocessASGIServer().server_process is None:
        starting.join(0.05)
    on_process()
    starting.join()
    for error in failures:
        raise ServiceUnavailable(
            "Prefect's own server",
            f"it does not start: {str(error) or type(error).__name__}".rstrip("."),
            "Start one that stays (prefect server start) and name it with PREFECT_API_URL",
        )


def own_server_has_ended() -> bool:
    """Whether the server of ``start_own_server`` has ended, as where SIGTERM reached it, too."""
    from prefect.server.api.server import SubprocessASGIServer

    process = SubprocessASGIServer().server_process
    return process is not None and process.poll() is not None


def check_server(address: str) -> None:
    """See that the server at ``address``, which ``PREFECT_API_URL`` names, answers.

    Raises:
        ServiceUnavailable: it does not.
    """
    with get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise ServiceUnavailable(
                address,
                "the Prefect server that PREFECT_API_URL names does not answer",
                "Start it (prefect server start), or unset PREFECT_API_URL",
            )
