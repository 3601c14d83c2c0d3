"""The API as OpenAI's own client sees it, on a real server."""

import threading
import time

import httpx
import openai
import pytest

COPYTREE = [{"role": "user", "content": "What does shutil.copytree do?"}]


@pytest.fixture
def assistant(scripted):
    return scripted()


@pytest.fixture
def address(serving, assistant):
    with serving(assistant) as address:
        yield address


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def counting(numbers):
    return {"messages": [{"role": "user", "content": "count"}], "max_tokens": numbers}


def eventually(condition, seconds=5.0):
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_reply_has_the_text_its_usage_and_its_citations_best_first(client, assistant):
    completion = client.chat.completions.create(model="chatwright", messages=COPYTREE)

    assert completion.object == "chat.completion"
    assert completion.choices[0].message.content == assistant.ANSWER
    assert completion.choices[0].message.role == "assistant"
    assert completion.choices[0].finish_reason == "stop"
    # The question is four words, and the double counts words.
    assert completion.usage.prompt_tokens == 4
    assert completion.usage.completion_tokens == len(assistant.ANSWER.split())
    assert completion.usage.total_tokens == 4 + len(assistant.ANSWER.split())
    best, next_best = completion.model_extra["citations"]
    assert best == {
        "document_id": "python-docs/shutil.copytree",
        "title": "shutil.copytree",
        "url": "https://docs.python.org/3/library/shutil.html#shutil.copytree",
        "quote": "shutil.copytree(src, dst)\n\nRecursively copy a directory tree and return the "
        "destination directory.",
        "score": 0.91,
    }
    assert (next_best["document_id"], next_best["url"]) == ("folder/notes.md", None)


def test_citations_are_an_empty_list_where_nothing_fits(client):
    completion = client.chat.completions.create(
        model="chatwright", messages=[{"role": "user", "content": "你好"}]
    )
    assert completion.choices[0].message.content == "你好"
    assert completion.model_extra["citations"] == []


def test_a_stream_says_the_same_as_a_whole_reply(client, assistant):
    chunks = list(
        client.chat.completions.create(model="chatwright", messages=COPYTREE, stream=True)
    )

    assert chunks[0].choices[0].delta.role == "assistant"
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == assistant.ANSWER
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + [
        "stop"
    ]
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    titles = [citation["title"] for citation in chunks[-1].model_extra["citations"]]
    assert titles == ["shutil.copytree", "Our notes"]
    assert not any("citations" in chunk.model_extra for chunk in chunks[:-1])
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_tells_its_usage_when_asked_to(client):
    chunks = list(
        client.chat.completions.create(
            model="chatwright",
            messages=COPYTREE,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.prompt_tokens == 4
    assert chunks[-2].choices[0].finish_reason == "stop"
    # Whichever of the two someone takes for the last chunk, the citations are there.
    assert chunks[-1].model_extra["citations"] == chunks[-2].model_extra["citations"] != []


def test_a_stream_arrives_while_it_is_made(serving, scripted):
    assistant = scripted(step_seconds=0.05)
    with (
        serving(assistant) as address,
        httpx.stream(
            "POST", f"{address}/v1/chat/completions", json={**counting(40), "stream": True}
        ) as response,
    ):
        lines = (line for line in response.iter_lines() if line)
        next(lines), next(lines)
        made_by_then = assistant.steps
        rest = list(lines)
    assert made_by_then < 20, "the first word came only when most of the reply was made"
    assert rest[-1] == "data: [DONE]"
    assert assistant.steps == 40


def test_a_reply_that_reaches_max_tokens_says_so(client):
    completion = client.chat.completions.create(model="chatwright", **counting(3))
    assert completion.choices[0].message.content == "1 2 3"
    assert completion.choices[0].finish_reason == "length"


def test_options_reach_the_assistant(client, assistant):
    client.chat.completions.create(
        model="chatwright",
        messages=COPYTREE,
        max_completion_tokens=7,
        temperature=0,
        top_p=0.5,
        seed=-1,
        stop=["\n\n", "END"],
    )
    assert assistant.options == {
        "max_tokens": 7,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": -1,
        "stop": ("\n\n", "END"),
    }


def test_text_parts_are_read_as_one_text_and_developer_as_system(client, assistant):
    client.chat.completions.create(
        model="chatwright",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
            },
        ],
    )
    assert assistant.asked[-1] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]


def test_the_model_is_listed_under_its_name(client):
    assert [model.id for model in client.models.list()] == ["chatwright"]
    assert client.models.retrieve("chatwright").owned_by == "chatwright"


def test_health_says_how_busy_the_server_is(serving, scripted):
    assistant = scripted(step_seconds=0.05)
    with serving(assistant, at_once=1) as address:
        idle = httpx.get(f"{address}/healthz").json()
        asking = [
            threading.Thread(
                target=httpx.post,
                args=(f"{address}/v1/chat/completions",),
                kwargs={"json": counting(30), "timeout": 30},
            )
            for _ in range(2)
        ]
        for thread in asking:
            thread.start()
        busy = {"status": "ok", "model": "chatwright", "running": 1, "waiting": 1}
        seen_busy = eventually(lambda: httpx.get(f"{address}/healthz").json() == busy)
        for thread in asking:
            thread.join()
    assert idle == {"status": "ok", "model": "chatwright", "running": 0, "waiting": 0}
    assert seen_busy


def test_a_short_question_does_not_wait_for_a_long_reply(serving, scripted):
    assistant = scripted(step_seconds=0.02)
    order = []

    def ask(name, numbers):
        response = httpx.post(f"{address}/v1/chat/completions", json=counting(numbers), timeout=30)
        order.append((name, response.json()["choices"][0]["message"]["content"]))

    with serving(assistant) as address:
        long = threading.Thread(target=ask, args=("long", 60))
        long.start()
        assert eventually(lambda: assistant.steps > 2)
        short = threading.Thread(target=ask, args=("short", 3))
        short.start()
        short.join()
        long.join()
    numbers = " ".join(map(str, range(1, 61)))
    assert order == [("short", "1 2 3"), ("long", numbers)]


def test_a_server_with_too_many_waiting_asks_to_come_back_later(serving, scripted):
    assistant = scripted(step_seconds=0.02)
    with serving(assistant, at_once=1, waiting=0) as address:
        body = {**counting(100), "stream": True}
        with httpx.stream("POST", f"{address}/v1/chat/completions", json=body) as first:
            assert first.status_code == 200
            second = httpx.post(f"{address}/v1/chat/completions", json=counting(1))
    assert second.status_code == 503
    assert second.headers["retry-after"]
    assert "Try again" in second.json()["error"]["message"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_work(serving, scripted, stream):
    assistant = scripted(step_seconds=0.02)
    with serving(assistant) as address:
        with (
            pytest.raises(httpx.ReadTimeout),
            httpx.stream(
                "POST",
                f"{address}/v1/chat/completions",
                json={**counting(3000), "stream": stream},
                timeout=0.5 if not stream else 5,
            ) as response,
        ):
            lines = response.iter_lines()
            next(lines)
            raise httpx.ReadTimeout("this client has read enough")
        assert assistant.closed.wait(5), "the reply went on with nobody to read it"
        steps = assistant.steps
        time.sleep(0.3)
        assert assistant.steps == steps < 3000
        assert httpx.get(f"{address}/healthz").json()["running"] == 0


def test_a_client_that_leaves_the_queue_is_never_answered(serving, scripted):
    assistant = scripted(step_seconds=0.02)
    with serving(assistant, at_once=1) as address:
        body = {**counting(3000), "stream": True}
        with httpx.stream("POST", f"{address}/v1/chat/completions", json=body) as first:
            lines = first.iter_lines()
            next(lines)
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{address}/v1/chat/completions", json=counting(5), timeout=0.3)
        assert assistant.closed.wait(5)
        assert eventually(lambda: httpx.get(f"{address}/healthz").json()["waiting"] == 0)
    assert len(assistant.asked) == 1


def test_a_conversation_that_is_slow_to_trim_holds_up_no_reply_under_way(serving, scripted):
    assistant = scripted(step_seconds=0.01)
    with serving(assistant) as address:
        url = f"{address}/v1/chat/completions"
        slow = {"messages": [{"role": "user", "content": "slow to trim"}]}
        with httpx.stream("POST", url, json={**counting(100), "stream": True}) as running:
            lines = running.iter_lines()
            next(lines)
            waiting = threading.Thread(
                target=httpx.post, args=(url,), kwargs={"json": slow, "timeout": 30}
            )
            waiting.start()
            assert eventually(lambda: "slow to trim" in assistant.trimmed)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]" and assistant.steps == 100
        assert not assistant.go_on.is_set()
        assistant.go_on.set()
        waiting.join()
    assert assistant.asked[-1] == slow["messages"], "it was answered in the end"


def test_nothing_is_done_for_a_client_that_left_before_its_turn(serving, scripted):
    assistant = scripted()
    with serving(assistant) as address:
        url = f"{address}/v1/chat/completions"
        slow = {"messages": [{"role": "user", "content": "slow to trim"}]}
        waiting = threading.Thread(
            target=httpx.post, args=(url,), kwargs={"json": slow, "timeout": 30}
        )
        waiting.start()
        assert eventually(lambda: assistant.trimmed == ["slow to trim"])
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json=counting(5), timeout=0.3)
        assert eventually(lambda: httpx.get(f"{address}/healthz").json()["waiting"] == 1)
        assistant.go_on.set()
        waiting.join()
        assert httpx.post(url, json={"messages": COPYTREE}).status_code == 200
    assert assistant.trimmed == ["slow to trim", COPYTREE[0]["content"]]


def test_a_server_that_shuts_down_ends_the_replies_under_way(serving, scripted):
    assistant = scripted(step_seconds=0.02)
    with serving(assistant) as address:
        client = httpx.Client()
        request = client.build_request(
            "POST", f"{address}/v1/chat/completions", json={**counting(3000), "stream": True}
        )
        response = client.send(request, stream=True)
        lines = response.iter_lines()
        next(lines)
        assert not assistant.closed.wait(0.2)
    assert assistant.closed.is_set()
    client.close()


def test_an_error_in_the_middle_of_a_stream_is_an_event_of_it(client):
    stream = client.chat.completions.create(
        model="chatwright", messages=[{"role": "user", "content": "break"}], stream=True
    )
    said = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            said.append(chunk.choices[0].delta.content)
    assert said[-1] == "break"
    assert "secret" not in str(caught.value)


def test_an_error_of_ours_is_an_apology_without_details(address, caplog):
    response = httpx.post(
        f"{address}/v1/chat/completions", json={"messages": [{"role": "user", "content": "break"}]}
    )
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert "secret" not in response.text and "Traceback" not in response.text
    assert "a secret of the server" in caplog.text, "the log has to say what the client is spared"
