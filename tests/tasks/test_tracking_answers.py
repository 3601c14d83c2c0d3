"""A tracking server that is away is noticed before the work."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from chatwright.errors import ServiceUnavailable
from tasks.tracking.answering import check_answers


class WantsALogin(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), WantsALogin) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_nobody_there_is_one_sentence(closed_port: int) -> None:
    uri = f"http://127.0.0.1:{closed_port}"
    with pytest.raises(ServiceUnavailable) as error:
        check_answers(uri)
    assert str(error.value) == (
        f"tracking.uri, {uri}: no MLflow server answers there (Connection refused). Start it, mend "
        "the address, or take the file: --set tracking.uri=sqlite:///mlflow.db."
    )


@pytest.mark.parametrize(
    "uri", ["http://", "http://:5000", "http://localhost:99999", "http://[::1"]
)
def test_what_is_no_address_is_said(uri: str) -> None:
    with pytest.raises(ServiceUnavailable, match="no MLflow server answers there"):
        check_answers(uri)


def test_any_answer_will_do(server: str) -> None:
    check_answers(f"http://{server}")
    check_answers(f"https://{server}")  # speaks no TLS, but is there


@pytest.mark.parametrize("uri", ["sqlite:///none/mlflow.db", "postgresql://user@host.invalid/db"])
def test_a_database_is_not_asked(uri: str) -> None:
    check_answers(uri)
