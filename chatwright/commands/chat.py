"""`chatwright chat`: talk to the assistant in a terminal, or pipe questions through it.

In a terminal there is a prompt, the reply streams, Ctrl-C stops the reply and not the program.
When standard input is a pipe, each line is a question of one conversation and only the replies
are printed:

    printf 'What does shutil.copytree do?\\n' | chatwright chat
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

from chatwright.errors import UserError
from serving.engine import Message, Replying, ReplyOptions

if TYPE_CHECKING:  # the real module brings torch along
    from serving.assistant import Citation

HELP = "Ask a question. /new starts over, /quit leaves, Ctrl-C stops a reply."


def chat(
    assistant: Replying,
    *,
    console: Console | None = None,
    source: TextIO | None = None,
    options: ReplyOptions | None = None,
) -> None:
    """Answer questions until the input ends or says /quit.

    Args:
        assistant: what makes the replies.
        console: where the replies go; by default standard output.
        source: where the questions come from; by default standard input. A prompt is shown only
            when it is a terminal.
        options: how the replies are made.
    """
    console = console or Console(highlight=False, soft_wrap=True, emoji=False)
    source = source or sys.stdin
    options = options or ReplyOptions()
    if source.isatty():
        console.print(HELP, style="dim")
    conversation: list[Message] = []
    for question in questions(source, console):
        if question == "/new":
            conversation = []
            if source.isatty():
                console.print("A new conversation.", style="dim")
        elif question == "/quit":
            return
        elif question.startswith("/") and " " not in question and source.isatty():
            console.print(HELP, style="dim")
        else:
            asked = [*conversation, {"role": "user", "content": question}]
            answer = told(assistant, asked, console, options)
            if answer:
                conversation = [*asked, {"role": "assistant", "content": answer}]


def questions(source: TextIO, console: Console) -> Iterator[str]:
    """The questions, one a line, until the input ends; empty lines are passed over."""
    prompting = source.isatty()
    if prompting:
        import readline  # noqa: F401  # its import gives input() a history and editing keys
    while True:
        try:
            line = input("\n> ") if prompting else source.readline()
        except EOFError:  # Ctrl-D
            console.print()
            return
        except KeyboardInterrupt:  # with no reply to stop, it clears the line as in a shell
            console.print("\n/quit leaves.", style="dim")
            continue
        if not prompting and line == "":
            return
        if line.strip():
            yield line.strip()


def told(
    assistant: Replying, messages: list[Message], console: Console, options: ReplyOptions
) -> str:
    """Print the reply as it is made, then its citations; gives back what was said."""
    answer = ""
    try:
        kept = assistant.trim(messages, options.max_tokens)
        with closing(
            assistant.reply(
                kept,
                max_tokens=options.max_tokens,
                temperature=options.temperature,
                top_p=options.top_p,
                seed=options.seed,
                stop=options.stop,
            )
        ) as pieces:
            citations: list[Citation] = []
            for piece in pieces:
                console.print(printable(piece.text), end="", markup=False)
                answer += piece.text
                citations = piece.citations or []
        console.print()
        for number, citation in enumerate(citations, 1):
            place = citation.url or citation.document_id
            line = f"  [{number}] {citation.title}  {place}  ({citation.score:.0%})"
            console.print(printable(line), style="dim", markup=False)
    except KeyboardInterrupt:
        console.print("\nStopped.", style="dim")
    except UserError as error:
        console.print(str(error), style="yellow", markup=False)
    return answer


def printable(text: str) -> str:
    """The text without control characters: a document's could move the cursor or worse."""
    return "".join(mark for mark in text if mark in "\n\t" or mark.isprintable())
