"""What a flow asks of the Prefect server that it reports to."""

from prefect.client.orchestration import get_client

from chatwright.errors import ServiceUnavailable


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
