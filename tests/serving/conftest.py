"""What the tests of the API, the page and the terminal chat share: a served assistant.

The assistant is the one double: it stands where a model would, so that a test decides what is
said, how fast, and sees when the work stops. Everything from there to the client is real: the
engine, the app, uvicorn and a socket.
"""

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import uvicorn

from chatwright.errors import BadInput
from serving.api import create_app
from serving.engine import Engine


@dataclass(frozen=True)
class Citation:
    document_id: str
    title: str
    url: str | None
    quote: str
    score: float


@dataclass(frozen=True)
class Piece:
    text: str
    finish_reason: str | None = None
    citations: list[Citation] | None = None


CITATIONS = [
    Citation(
        "python-docs/shutil.copytree",
        "shutil.copytree",
        "https://docs.python.org/3/library/shutil.html#shutil.copytree",
        "shutil.copytree(src, dst)\n\nRecursively copy a directory tree and return the "
        "destination directory.",
        0.91,
    ),
    Citation("folder/notes.md", "Our notes", None, "Copy folders with care.", 0.42),
]


class ScriptedAssistant:
    """Says one word a step. What it says depends on the last message alone:

    - a question about copytree gets ``ANSWER`` with ``CITATIONS``;
    - "count" gets the numbers from 1 on, ``step_seconds`` apart, until ``max_tokens`` of them;
    - "break" gets one word and then fails; "too long" does not fit the context;
    - "slow to trim" takes until ``go_on`` is set to be cut to the context;
    - anything else is said again, word by word.
    """

    ANSWER = (
        "Recursively copy a **directory tree**. Try `shutil.copytree(a, b)`:\n\n"
        "```\nimport shutil\nshutil.copytree('a', 'b')\n```\n\n<b id=injected>Done</b>."
    )

    def __init__(self, step_seconds: float = 0.0) -> None:
        self.step_seconds = step_seconds
        self.steps = 0  # words made so far, over all replies
        self.closed = threading.Event()  # a reply was closed before its end
        self.trimmed: list[str] = []  # the last messages of the conversations that were cut
        self.go_on = threading.Event()
        self.asked: list[list[dict[str, str]]] = []
        self.options: dict[str, object] = {}

    def trim(self, messages: list[dict[str, str]], max_tokens: int) -> list[dict[str, str]]:
        self.trimmed.append(messages[-1]["content"])
        if messages[-1]["content"] == "slow to trim":
            self.go_on.wait(20)
        if messages[-1]["content"] == "too long":
            raise BadInput("messages", "the question is too long", "Ask with fewer words")
        return messages

    def count_prompt(self, messages: list[dict[str, str]]) -> int:
        return sum(self.count_text(message["content"]) for message in messages)

    def count_text(self, text: str) -> int:
        return len(text.split())

    def reply(
        self, messages: list[dict[str, str]], *, max_tokens: int, **options: object
    ) -> Generator[Piece, None, None]:
        self.asked.append(messages)
        self.options = {"max_tokens": max_tokens, **options}
        question = messages[-1]["content"]
        citations = CITATIONS if "copytree" in question else []
        if "copytree" in question:
            words = self.ANSWER.split(" ")
        elif question == "count":
            words = [str(number) for number in range(1, max_tokens + 2)]
        else:
            words = question.split(" ")
        ended = False
        try:
            for place, word in enumerate(words[:max_tokens]):
                time.sleep(self.step_seconds)
                self.steps += 1
                yield Piece(word if place == 0 else f" {word}", None, None)
                if question == "break":
                    raise RuntimeError("a secret of the server")
            yield Piece("", "length" if len(words) > max_tokens else "stop", citations)
            ended = True
        finally:
            if not ended:
                self.closed.set()


@contextmanager
def served(assistant: ScriptedAssistant, **engine: int) -> Iterator[str]:
    """A real server for the assistant on a free port; gives its address."""
    app = create_app(assistant, "chatwright", engine=Engine(assistant, **engine))
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive(), "the server did not shut down"


@pytest.fixture
def serving() -> Callable[..., object]:
    """``with serving(assistant) as address``: a real server, gone at the end."""
    return served


@pytest.fixture
def scripted() -> type[ScriptedAssistant]:
    """The double's class, for tests that choose its pace."""
    return ScriptedAssistant


@pytest.fixture(scope="module")
def served_once() -> Iterator[str]:
    """The address of one real server for all the tests of a module."""
    with served(ScriptedAssistant()) as address:
        yield address
