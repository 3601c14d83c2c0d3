"""The terminal chat, piped and in a real pseudo-terminal."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from chatwright.commands.chat import chat

PROGRAM = """
import runpy, sys
from chatwright.commands.chat import chat
chat(runpy.run_path(sys.argv[1])["ScriptedAssistant"](step_seconds=0.02))
"""


@pytest.fixture
def assistant(scripted):
    return scripted()


def said(assistant, *lines):
    """What the chat prints for lines that are piped in."""
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, emoji=False)
    chat(assistant, console=console, source=io.StringIO("\n".join(lines)))
    return out.getvalue()


def test_a_pipe_gets_the_reply_and_its_sources_and_nothing_else(assistant):
    assert said(assistant, "What does shutil.copytree do?") == (
        f"{assistant.ANSWER}\n"
        "  [1] shutil.copytree  https://docs.python.org/3/library/shutil.html#shutil.copytree"
        "  (91%)\n"
        "  [2] Our notes  folder/notes.md  (42%)\n"
    )


def test_each_line_is_a_question_of_one_conversation(assistant):
    assert said(assistant, "one", "", "two") == "one\ntwo\n"
    assert assistant.asked[-1] == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "two"},
    ]


def test_new_starts_over_and_quit_ends(assistant):
    assert said(assistant, "one", "/new", "two", "/quit", "three") == "one\ntwo\n"
    assert assistant.asked[-1] == [{"role": "user", "content": "two"}]


def test_a_question_that_does_not_fit_is_explained_and_left_out(assistant):
    printed = said(assistant, "too long", "Hello")
    assert printed == "messages: the question is too long. Ask with fewer words.\nHello\n"
    assert assistant.asked == [[{"role": "user", "content": "Hello"}]]


def test_what_a_document_says_is_printed_as_it_is_but_cannot_drive_the_terminal(assistant):
    assert said(assistant, "[red]x[/red] :smile: \x1b[2Ja\x07") == "[red]x[/red] :smile: [2Ja\n"


class Terminal:
    """A program in a pseudo-terminal, as a person would use it."""

    def __init__(self):
        self.screen, theirs = pty.openpty()
        conftest = Path(__file__).with_name("conftest.py")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(conftest)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(theirs)
        self.shown = ""

    def type(self, text):
        os.write(self.screen, text.encode())

    def wait_for(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown!r}"
            if select.select([self.screen], [], [], 0.1)[0]:
                self.shown += os.read(self.screen, 4096).decode()
        self.shown = self.shown.split(text, 1)[1]


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.process.kill()
    terminal.process.wait()
    os.close(terminal.screen)


def test_ctrl_c_stops_the_reply_and_not_the_program(terminal):
    terminal.wait_for("/quit leaves")
    terminal.wait_for("> ")
    terminal.type("count\n")
    terminal.wait_for("1 2 3 4")
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("Stopped.")
    terminal.wait_for("> ")
    terminal.type("Hello again\n")
    terminal.wait_for("Hello again\r\n")  # the echo of what was typed
    terminal.wait_for("Hello again")
    terminal.wait_for("> ")
    terminal.type("\x04")
    assert terminal.process.wait(timeout=10) == 0


def test_ctrl_c_at_the_prompt_does_not_leave(terminal):
    terminal.wait_for("> ")
    time.sleep(1)  # Python does not see a signal between its prompt and its reading, until a key
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("/quit leaves.")
    terminal.wait_for("> ")
    terminal.type("/quit\n")
    assert terminal.process.wait(timeout=10) == 0
