"""``chatwright ui``: told to end, it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from tests.chatwright.command import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def wait_for_the_page(address: str, command: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + 200
    while True:
        try:
            with urlopen(f"{address}/health", timeout=5):
                return
        except (URLError, ConnectionError):
            assert command.poll() is None and time.monotonic() < deadline, said.read_text("utf-8")
            time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_ends_mlflow_and_gives_the_port_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = tmp_path / "said.txt"
    with open(said, "wb") as output:
        command = subprocess.Popen(
            [sys.executable, "-m", "chatwright.cli", "ui", "--port", str(port)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=output,
            stderr=output,
        )
    try:
        wait_for_the_page(f"http://127.0.0.1:{port}", command, said)
        started = psutil.Process(command.pid).children(recursive=True)
        assert started
        command.send_signal(number)
        assert command.wait(timeout=30) == 0
        left = [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
        assert left == []
        with socket.create_server(("127.0.0.1", port)):
            pass
        assert said.read_text("utf-8").endswith("Stopped.\n")
    finally:
        command.terminate()
