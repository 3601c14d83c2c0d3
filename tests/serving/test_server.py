"""`serve` from the outside: the port, the missing model, the signals."""

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from chatwright.errors import BadParameter, NoModel, PortInUse
from serving.server import GRACE_SECONDS, address_of, listening, load_assistant, serve

# A program that serves the double of conftest.py, one word every hundredth of a second.
PROGRAM = """
import runpy, sys
from serving.server import serve
double = runpy.run_path(sys.argv[1])["ScriptedAssistant"](step_seconds=0.01)
serve(lambda: double, port=0, say=lambda line: print(line, flush=True))
"""


def never_loaded():
    raise AssertionError("the model was loaded although the port could not be had")


@pytest.fixture
def program():
    """The program as (process, address), killed at the end if it still runs."""
    conftest = Path(__file__).with_name("conftest.py")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(conftest)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    page, api, _ = (process.stdout.readline() for _ in range(3))
    address = re.search(r"http://127\.0\.0\.1:\d+", page)[0]
    assert f"{address}/v1" in api and "chatwright" in api
    yield process, address
    process.kill()
    process.communicate()


def test_a_taken_port_is_reported_before_the_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=f"chatwright serve --port {port + 1}"):
            serve(never_loaded, port=port)


def test_a_port_is_free_again_after_a_failed_start(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    for _ in range(2):
        with pytest.raises(NoModel):
            serve(lambda: load_assistant(tmp_path / "nothing"), port=port)


@pytest.mark.parametrize("there", [None, [], ["model"], ["index"]])
def test_without_a_model_the_user_is_told_to_make_one(tmp_path, there):
    bundle = tmp_path / "served"
    for name in there or []:
        (bundle / name).mkdir(parents=True)
    with pytest.raises(NoModel, match="make run") as caught:
        load_assistant(bundle)
    assert str(bundle) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "host, port, where",
    [("no such host", 0, "--host"), ("203.0.113.1", 0, "--host"), ("127.0.0.1", 70000, "--port")],
    ids=["not an address", "another machine's address", "not a port"],
)
def test_an_address_that_cannot_be_listened_on_names_the_option(host, port, where):
    with pytest.raises(BadParameter) as caught:
        serve(never_loaded, host, port)
    assert caught.value.where == where


@pytest.mark.parametrize("host, shown", [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")])
def test_the_address_shown_can_be_opened_on_this_machine(host, shown):
    with listening(host, 0) as listener:
        assert address_of(listener) == f"http://{shown}:{listener.getsockname()[1]}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_a_signal_ends_the_server_quietly(program, number):
    process, address = program
    assert httpx.get(f"{address}/healthz").json()["status"] == "ok"
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert "Stopped." in out


def test_a_reply_under_way_may_finish_when_the_server_is_told_to_stop(program):
    process, address = program
    body = {"messages": [{"role": "user", "content": "count"}], "max_tokens": 100, "stream": True}
    with httpx.stream("POST", f"{address}/v1/chat/completions", json=body) as response:
        lines = (line for line in response.iter_lines() if line)
        next(lines)
        process.send_signal(signal.SIGTERM)
        rest = list(lines)
    assert rest[-1] == "data: [DONE]"
    assert sum('"content":' in line for line in rest) == 100
    assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_a_reply_that_takes_too_long_is_told_why_it_ends(program):
    process, address = program
    body = {"messages": [{"role": "user", "content": "count"}], "max_tokens": 9000, "stream": True}
    with httpx.stream("POST", f"{address}/v1/chat/completions", json=body, timeout=20) as response:
        lines = (line for line in response.iter_lines() if line)
        next(lines)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        rest = list(lines)
    assert GRACE_SECONDS - 1 < time.monotonic() - began < GRACE_SECONDS + 3
    assert "shutting down" in rest[-2] and rest[-1] == "data: [DONE]"
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")


def test_a_signal_that_comes_while_it_starts_stops_it() -> None:
    script = """
import os, signal
import uvicorn
from fastapi import FastAPI
from serving.server import ending_quietly

server = uvicorn.Server(uvicorn.Config(FastAPI(), port=0, log_level="warning"))
with ending_quietly(server):
    os.kill(os.getpid(), signal.SIGTERM)
    server.run()
"""
    done = subprocess.run([sys.executable, "-c", script], timeout=60)
    assert done.returncode == 0
