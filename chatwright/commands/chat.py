"""`chatwright chat`: talk to the assistant in a terminal, or pipe questions through it.

In a terminal there is a prompt, the reply streams, Ctrl-C stops the reply and not the program.
When standard input is a pipe, each line is a question of one conversation and only the replies
are printed:

    printf 'What does shutil.copytree do?\\n' | chatwright chat

A line that is not in the encoding of the locale (UTF-8, as a rule) is refused rather than guessed
at, which takes more text than a line; the others are answered, and the exit status tells of it.
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from rich.console import Console

from chatwright.errors import BadInput, UserError
from serving.engine import Message, Replying, ReplyOptions

if TYPE_CHECKING:  # the real module brings torch along
    from serving.assistant import Citation

STANDARD_INPUT = "standard input"
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

    Raises:
        BadInput: lines of a pipe were not in its encoding: said at the end, when each has been
            refused in its turn and the others are answered.
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
        elif question.startswith("/") and " " not in question and source.isatty():
            console.print(HELP, style="dim")
        else:
            asked = [*conversation, {"role": "user", "content": question}]
            answer = told(assistant, asked, console, options)
            if answer:
                conversation = [*asked, {"role": "assistant", "content": answer}]


def questions(source: TextIO, console: Console) -> Iterator[str]:
    """What the lines say, until the input ends or says /quit; empty lines are passed over.

    Raises:
        BadInput: at the end, if lines of a pipe were refused; each was named in its turn.
    """
    refused = 0
    for number, line in enumerate(lines(source, console), 1):
        try:
            text = text_of(line, source.encoding, number)
        except BadInput as error:
            console.print(str(error), style="yellow", markup=False)
            refused += 1
            continue
        if text == "/quit":
            break
        if text:
            yield text
    if refused and not source.isatty():
        count = "1 line was" if refused == 1 else f"{refused} lines were"
        raise BadInput(STANDARD_INPUT, f"{count} refused and got no reply")


def lines(source: TextIO, console: Console) -> Iterator[bytes]:
    """The lines as they come, until the input ends."""
    if not source.isatty():
        yield from iter(source.buffer.readline, b"")
        return
    import readline  # noqa: F401  # its import gives input() a history and editing keys

    if isinstance(source, TextIOWrapper):  # what is not text comes through, to be refused
        source.reconfigure(errors="surrogateescape")
    while True:
        try:
            yield input("\n> ").encode(source.encoding, "surrogateescape")
        except EOFError:  # Ctrl-D
            console.print()
            return
        except KeyboardInterrupt:  # with no reply to stop, it clears the line as in a shell
            console.print("\n/quit leaves.", style="dim")


def text_of(line: bytes, encoding: str, number: int) -> str:
    """The text of a line, without white space and byte order mark around it.

    Raises:
        BadInput: it is not in that encoding; names the line.
    """
    try:
        return line.decode(encoding).removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        raise BadInput(
            f"{STANDARD_INPUT}, line {number}",
            f"is not in {encoding.upper()}",
            "Convert the text, or set PYTHONIOENCODING to its encoding",
        ) from None


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
