"""What a request that cannot be answered gets: OpenAI's shape, one sentence, no traceback."""

import asyncio
import json
import socket
import tracemalloc

import httpx
import openai
import pytest

from serving.limits import BodyLimit

ASK = {"role": "user", "content": "Hello"}


@pytest.fixture(scope="module")
def address(served_once):
    return served_once


def asked(**changes):
    return {"messages": [ASK], **changes}


BAD = {
    "no messages": ({}, 400, "messages"),
    "an empty list of messages": ({"messages": []}, 400, "messages"),
    "messages that are no list": ({"messages": "Hello"}, 400, "messages"),
    "an unknown role": ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages.0.role"),
    "a message with no role": ({"messages": [{"content": "x"}]}, 400, "messages.0.role"),
    "a message with no content": ({"messages": [{"role": "user"}]}, 400, "messages.0"),
    "content that is a number": (
        {"messages": [{"role": "user", "content": 5}]},
        400,
        "messages.0.content",
    ),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        400,
        "messages.0.content",
    ),
    "half a surrogate pair": (
        {"messages": [{"role": "user", "content": "\ud83d"}]},
        400,
        "messages.0.content",
    ),
    "an empty question": ({"messages": [{"role": "user", "content": " \n"}]}, 400, "last message"),
    "no question at the end": (
        {"messages": [ASK, {"role": "assistant", "content": "Hi"}]},
        400,
        "last message",
    ),
    "max_tokens of -1": (asked(max_tokens=-1), 400, "max_tokens"),
    "max_tokens of 0": (asked(max_tokens=0), 400, "max_tokens"),
    "max_tokens that is a text": (asked(max_tokens="many"), 400, "max_tokens"),
    "max_tokens that is a fraction": (asked(max_tokens=1.5), 400, "max_tokens"),
    "max_tokens that is true": (asked(max_tokens=True), 400, "max_tokens"),
    "max_completion_tokens of -1": (asked(max_completion_tokens=-1), 400, "max_completion_tokens"),
    "a temperature that is too high": (asked(temperature=2.1), 400, "temperature"),
    "a negative temperature": (asked(temperature=-0.1), 400, "temperature"),
    "a temperature that is no number": (asked(temperature=float("nan")), 400, "temperature"),
    "top_p of 0": (asked(top_p=0), 400, "top_p"),
    "top_p above 1": (asked(top_p=1.5), 400, "top_p"),
    "a seed beyond 64 bits": (asked(seed=2**63), 400, "seed"),
    "five stops": (asked(stop=list("abcde")), 400, "stop"),
    "an empty stop": (asked(stop=""), 400, "stop"),
    "a stop that is a number": (asked(stop=3), 400, "stop"),
    "stream that is no truth value": (asked(stream="yes"), 400, "stream"),
    "stream_options with no stream": (
        asked(stream_options={"include_usage": True}),
        400,
        "stream_options",
    ),
    "two answers": (asked(n=2), 400, "n is not supported"),
    "tools": (asked(tools=[{"type": "function"}]), 400, "tools is not supported"),
    "a JSON answer": (
        asked(response_format={"type": "json_object"}),
        400,
        "response_format is not supported",
    ),
    "an unknown model": (asked(model="gpt-4o"), 404, "gpt-4o"),
    "a question longer than the context": (
        {"messages": [{"role": "user", "content": "too long"}]},
        400,
        "too long",
    ),
    "a body that is a list": ([], 400, "body"),
    "a body that is a number": (3, 400, "body"),
}


@pytest.mark.parametrize("body, status, about", BAD.values(), ids=BAD.keys())
def test_a_bad_request_is_told_what_is_wrong(address, body, status, about):
    response = httpx.post(
        f"{address}/v1/chat/completions",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert about in error["message"]
    assert error["message"].endswith(".") and "\n" not in error["message"]
    assert "Traceback" not in response.text


def refused(address, content):
    """The error that a body gets."""
    response = httpx.post(
        f"{address}/v1/chat/completions",
        content=content if isinstance(content, bytes) else json.dumps(content),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400, response.text
    return response.json()["error"]


@pytest.mark.parametrize(
    "body, param",
    [
        ([], None),
        (None, None),
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [ASK, {"role": "assistant", "content": "Hi"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "\ud800 hi"}]}, "messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "\ud800"}]}]},
            "messages.0.content.0.text",
        ),
        (asked(stop="\ud800"), "stop"),
        (asked(stop=["a", "\ud800"]), "stop.1"),
        (asked(stop=""), "stop"),
        (asked(stop=3), "stop"),
        (asked(n=2), "n"),
        (asked(stream_options={"include_usage": True}), "stream_options"),
        (asked(max_tokens=0), "max_tokens"),
        (asked(model="\ud800"), "model"),
    ],
)
def test_an_error_names_the_field_that_it_is_about_and_no_other(address, body, param):
    error = refused(address, body)
    assert error["param"] == param
    if param and "." in param:
        assert error["message"].startswith(f"{param}: ")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "The body is empty. Send JSON."),
        (b"null", "The body has to be a JSON object; it is null."),
        (b"[]", "The body has to be a JSON object; it is a list."),
        (b"1e3", "The body has to be a JSON object; it is a number."),
        (b"true", "The body has to be a JSON object; it is a truth value."),
        (b'"x"', "The body has to be a JSON object; it is a text."),
        (b'{"a":' * 100_000, "The JSON of the body is nested too deep."),
        (b"[" * 50_000 + b"]" * 50_000, "The JSON of the body is nested too deep."),
        (
            b'{"seed": ' + b"9" * 10_000 + b"}",
            "The JSON of the body holds a whole number of too many digits.",
        ),
        (b'{"a": "\xff"}', "The body is not in UTF-8, as JSON has to be."),
    ],
    ids=["nothing", "null", "list", "number", "true", "text", "deep", "lists", "digits", "latin-1"],
)
def test_what_is_wrong_with_a_body_is_called_what_it_is(address, content, message):
    error = refused(address, content)
    assert (error["message"], error["param"]) == (message, None)


@pytest.mark.parametrize(
    "content, what",
    [("", "is empty"), ([], "is empty"), (" \n", "holds nothing but white space")],
)
def test_a_question_of_white_space_is_not_called_empty(address, content, what):
    error = refused(address, {"messages": [{"role": "user", "content": content}]})
    assert error["message"] == f"the last message {what}; write the question into its content."


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "tools": [], "logit_bias": {}, "presence_penalty": 0.0, "logprobs": False},
        {"user": "me", "metadata": {"a": "b"}, "store": False, "something_new": [1]},
        {"stop": None, "seed": None, "max_tokens": None, "temperature": None, "stream": None},
        {"model": "chatwright", "response_format": {"type": "text"}},
    ],
)
def test_fields_that_ask_for_nothing_special_are_no_obstacle(address, fields):
    response = httpx.post(f"{address}/v1/chat/completions", json=asked(**fields))
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "content",
    [b"{", b"", b"\xff\xfe{}", b'{"messages": [{"role": "user", "content": "\xff"}]}', b"[" * 9000],
    ids=["cut short", "empty", "utf-16", "latin-1", "too deep"],
)
def test_a_body_that_is_not_json_is_refused(address, content):
    response = httpx.post(
        f"{address}/v1/chat/completions",
        content=content,
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400, response.text
    assert response.json()["error"]["type"] == "invalid_request_error"
    assert "JSON" in response.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_only_json_is_taken_so_that_other_pages_cannot_ask(address, kind):
    headers = {"content-type": kind} if kind else {}
    response = httpx.post(
        f"{address}/v1/chat/completions", content=json.dumps(asked()), headers=headers
    )
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]["message"]
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks"])
def test_a_body_of_ten_megabytes_is_refused(address, announced):
    content = b" " * (10 * 1024 * 1024)
    response = httpx.post(
        f"{address}/v1/chat/completions",
        content=content if announced else iter([content[: 2**16]] * (len(content) // 2**16)),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_body_that_is_refused_is_never_held_in_memory():
    chunks, answer = 160, []  # of 64 KiB: 10 MiB in all, of which 1 MiB may be held

    async def app(scope, receive, send):
        raise AssertionError("a body above the limit reached the app")

    async def receive():
        nonlocal chunks
        chunks -= 1
        return {"type": "http.request", "body": bytes(2**16), "more_body": chunks > 0}

    async def send(message):
        answer.append(message)

    scope = {"type": "http", "method": "POST", "headers": []}
    tracemalloc.start()
    asyncio.run(BodyLimit(app)(scope, receive, send))
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer[0]["status"] == 413
    assert chunks == 0, "clients that look at the answer only after sending need it read to the end"
    # A bytearray that grows reserves up to an eighth more than it holds and moves once.
    assert most_bytes < 3 * 1024 * 1024


def test_a_body_just_below_the_limit_is_read(address):
    padding = " " * (1024 * 1024 - 200)
    response = httpx.post(f"{address}/v1/chat/completions", json=asked(user=padding))
    assert response.status_code == 200


def test_a_client_that_waits_for_leave_to_send_too_much_is_refused_at_once(address):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10485760\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_an_unknown_address_and_a_wrong_method_are_answered_in_the_same_shape(address):
    missing = httpx.get(f"{address}/v1/embeddings")
    wrong = httpx.get(f"{address}/v1/chat/completions")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert "/v1" in missing.json()["error"]["message"]
    assert wrong.json()["error"]["type"] == "invalid_request_error"


def test_the_official_client_raises_its_own_exceptions(address):
    client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.BadRequestError, match="max_tokens"):
        client.chat.completions.create(model="chatwright", messages=[ASK], max_tokens=-1)
    with pytest.raises(openai.NotFoundError, match="chatwright"):
        client.chat.completions.create(model="other", messages=[ASK])
    client.close()
