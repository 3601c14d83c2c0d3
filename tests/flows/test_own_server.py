"""Prefect's own server, where it cannot be had."""

import httpx
import pytest
from prefect.server.api.server import SubprocessASGIServer

from chatwright.errors import ServiceUnavailable
from flows.server import start_own_server


@pytest.mark.parametrize(
    "error", [RuntimeError("Timed out."), httpx.ReadTimeout("slow"), OSError()]
)
def test_a_server_that_does_not_start_is_said(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(self: SubprocessASGIServer) -> None:
        raise error

    monkeypatch.setattr(SubprocessASGIServer, "start", start)
    with pytest.raises(
        ServiceUnavailable, match="^Prefect's own server: it does not start"
    ) as said:
        start_own_server(lambda: None)
    assert str(said.value).endswith(" and name it with PREFECT_API_URL.")
