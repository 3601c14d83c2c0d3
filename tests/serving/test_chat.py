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
from chatwright.errors import BadInput

PROGRAM = """
import runpy, sys
from chatwright.commands.chat import chat
chat(runpy.run_path(sys.argv[1])["ScriptedAssistant"](step_seconds=0.02))
"""


@pytest.fixture
def assistant(scripted):
    return scripted()


def piped(*lines, encoding="utf-8"):
    """Standard input as a pipe that holds these lines."""
    return io.TextIOWrapper(
        io.BytesIO(b"\n".join(lines)), encoding=encoding, errors="surrogateescape"
    )


def printing():
    """A console, and where what it prints can be read."""
    out = io.StringIO()
    return Console(file=out, highlight=False, soft_wrap=True, emoji=False), out


def said(assistant, *lines):
    """What the chat prints for lines that are piped in."""
    console, out = printing()
    chat(assistant, console=console, source=piped(*(line.encode() for line in lines)))
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


@pytest.mark.parametrize("bad", [b"\xff\xfe bad", b"\xed\xa0\x80 hi", "你好".encode("gbk")])
def test_a_line_that_is_not_text_is_named_and_the_others_are_answered(assistant, bad):
    console, out = printing()
    with pytest.raises(
        BadInput, match="^standard input: 1 line was refused and got no reply.$"
    ) as why:
        chat(assistant, console=console, source=piped(b"one", b"", bad, "二".encode(), b"/quit"))
    assert why.value.exit_code != 0
    assert out.getvalue() == (
        "one\nstandard input, line 3: is not in UTF-8. Convert the text, or set PYTHONIOENCODING to "
        "its encoding.\n二\n"
    )
    assert [one["content"] for one in assistant.asked[-1]] == ["one", "one", "二"]


def test_a_pipe_in_the_encoding_of_the_locale_is_understood(assistant):
    console, out = printing()
    chat(assistant, console=console, source=piped("你好".encode("gbk"), encoding="gbk"))
    assert out.getvalue() == "你好\n"


def test_a_byte_order_mark_is_no_part_of_the_question(assistant):
    assert said(assistant, "\ufeffHello") == "Hello\n"


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


def test_what_is_typed_in_another_encoding_is_refused_and_the_next_line_answered():
    screen, theirs = pty.openpty()
    os.write(screen, b"caf\xe9\nHello again\n/quit\n")
    ended = subprocess.run(  # its output is no terminal, or readline would drop what is no text
        [sys.executable, "-c", PROGRAM, str(Path(__file__).with_name("conftest.py"))],
        stdin=theirs,
        capture_output=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    os.close(screen)
    os.close(theirs)
    printed = ended.stdout.decode()
    assert "standard input, line 1: is not in UTF-8." in printed
    assert "> Hello again\n" in printed
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_ctrl_c_at_the_prompt_does_not_leave(terminal):
    terminal.wait_for("> ")
    time.sleep(1)  # Python does not see a signal between its prompt and its reading, until a key
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("/quit leaves.")
    terminal.wait_for("> ")
    terminal.type("/quit\n")
    assert terminal.process.wait(timeout=10) == 0
