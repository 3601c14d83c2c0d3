"""Replies made off the event loop: one worker thread, several replies in turn.

The model is plain Python and torch: called from the event loop, it would keep every other client
waiting. So one thread does all the model's work and takes one step (a token, as a rule) of each
running reply in turn: a short answer does not wait for a long one to end. It is one thread and
not several because torch already spreads a single step over the processor's cores.

- A conversation is cut to what the context holds before it is its turn, in a second thread: a
  long one delays those that came after it and none that is being answered.
- Up to ``at_once`` replies are made side by side (each holds a key-value cache); up to ``waiting``
  more wait in order of arrival; the next is refused with ``Busy`` rather than left hanging.
- ``Reply.cancel`` is noticed before anything is done for a reply that waits, and before each step
  of one that is made: the assistant's iterator is closed and the place goes to whoever waits.
- Every iterator is made, stepped and closed in the worker thread alone. As several take turns
  there, none may leave a thread-wide setting changed where it yields.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chatwright.errors import ServiceUnavailable

if TYPE_CHECKING:  # the real module brings torch along, which the engine itself does not need
    from serving.assistant import Piece

Message = dict[str, str]


class Replying(Protocol):
    """What the engine asks of an assistant; ``serving.assistant.Assistant`` is the real one."""

    def trim(self, messages: list[Message], max_tokens: int) -> list[Message]:
        """The messages that fit the context: oldest turns dropped, the system message kept."""
        ...

    def count_prompt(self, messages: list[Message]) -> int:
        """How many tokens the model reads for these messages."""
        ...

    def count_text(self, text: str) -> int:
        """How many tokens a text is."""
        ...

    def reply(
        self,
        messages: list[Message],
        *,
        max_tokens: int,
        temperature: float,
        top_p: float,
        seed: int | None,
        stop: tuple[str, ...],
    ) -> "Generator[Piece, None, None]":
        """The reply in pieces, as they are made; closing the iterator stops the work."""
        ...


class Busy(ServiceUnavailable):
    """More requests wait than the server will hold."""


@dataclass(frozen=True)
class ReplyOptions:
    """How a reply is to be made; the meanings are OpenAI's."""

    max_tokens: int = 256
    temperature: float = 0.7
    top_p: float = 0.95
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """Tokens read and written, in the served model's own tokens."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Prompt:
    """What the model reads: the messages that fit the context, and how many tokens they are."""

    messages: list[Message]
    tokens: int


class Reply:
    """A reply on its way: an asynchronous iterator of pieces, to be read by one consumer.

    Attributes:
        prompt: what the model is to read; None until the conversation is cut to it.
        usage: tokens read and written; set once the last piece has been read.
    """

    def __init__(self, messages: list[Message], options: ReplyOptions) -> None:
        self.messages, self.options = messages, options
        self.prompt: Prompt | None = None
        self.usage: Usage | None = None
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self._made: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()

    def cancel(self) -> None:
        """Stop making this reply. Harmless when it is finished already."""
        self.cancelled = True

    def put(self, made: "Piece | BaseException | None") -> None:
        """Hand a piece over from the worker thread; None ends the reply, an error breaks it."""
        try:
            self._loop.call_soon_threadsafe(self._made.put_nowait, made)
        except RuntimeError:  # the event loop is closed, so nobody is left to read this reply
            self.cancelled = True

    async def __aiter__(self) -> "AsyncIterator[Piece]":
        while (made := await self._made.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made


class Engine:
    """Makes the replies of one assistant, a step of each in turn.

    Args:
        assistant: what makes the replies.
        at_once: how many replies are made side by side.
        waiting: how many more may wait for their turn.
    """

    def __init__(self, assistant: Replying, *, at_once: int = 4, waiting: int = 64) -> None:
        self.assistant, self.at_once, self.limit = assistant, at_once, at_once + waiting
        self._news = threading.Condition()
        self._queue: deque[Reply] = deque()
        self._running = 0
        self._closed = False
        self._threads: list[threading.Thread] = []

    @property
    def running(self) -> int:
        """How many replies are being made now."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many replies wait for a place."""
        with self._news:
            return sum(not reply.cancelled for reply in self._queue)

    def submit(self, messages: list[Message], options: ReplyOptions) -> Reply:
        """Queue a reply. To be called from a running event loop, which will read the reply.

        Raises:
            Busy: as many replies wait as the engine holds, or it is being shut down.
        """
        reply = Reply(messages, options)
        with self._news:
            if self._closed:
                raise Busy("", "the server is shutting down", "Try again when it is back")
            # Those whose client has left hold no place, and no memory.
            self._queue = deque(waits for waits in self._queue if not waits.cancelled)
            if self._running + len(self._queue) >= self.limit:
                raise Busy("", "too many questions are waiting", "Try again in a moment")
            if not self._threads:
                for work, name in ((self._prepare, "prompts"), (self._work, "replies")):
                    self._threads.append(threading.Thread(target=work, name=name, daemon=True))
                    self._threads[-1].start()
            self._queue.append(reply)
            self._news.notify_all()
        return reply

    def stop(self) -> None:
        """Have every reply, running or waiting, ended before its next step."""
        with self._news:
            self._closed = True
            self._news.notify_all()

    def close(self, timeout_seconds: float = 10.0) -> None:
        """``stop``, and wait for the threads to end."""
        self.stop()
        for thread in self._threads:
            thread.join(timeout_seconds)

    def _prepare(self) -> None:
        """The thread that cuts conversations to prompts, in the order in which they came."""
        while (reply := self._next_unprepared()) is not None:
            try:
                messages = self.assistant.trim(reply.messages, reply.options.max_tokens)
                reply.prompt = Prompt(messages, self.assistant.count_prompt(messages))
            except Exception as error:  # raised again in the request that it belongs to
                reply.put(error)
                reply.cancel()
            with self._news:
                self._news.notify_all()

    def _next_unprepared(self) -> Reply | None:
        """The next reply with no prompt yet, waiting while there is none; None once closed."""
        with self._news:
            while not self._closed:
                for reply in self._queue:
                    if reply.prompt is None and not reply.cancelled:
                        return reply
                self._news.wait()
        return None

    def _work(self) -> None:
        """The worker thread: one step of the reply whose turn it is, until the engine closes."""
        turns: deque[_Making] = deque()
        while self._admit(turns):
            making = turns.popleft()
            if making.step():
                turns.append(making)
        down = Busy("", "the server is shutting down", "Try again when it is back")
        for making in turns:
            making.abandon(down)
        for reply in self._queue:
            reply.put(down)

    def _admit(self, turns: "deque[_Making]") -> bool:
        """Fill free places from the queue, waiting while there is no work; False once closed."""
        with self._news:
            while True:
                while self._queue and len(turns) < self.at_once:
                    reply = self._queue[0]
                    if not reply.cancelled:
                        if reply.prompt is None:
                            break
                        turns.append(_Making(self.assistant, reply, reply.prompt))
                    self._queue.popleft()
                self._running = len(turns)
                if self._closed or turns:
                    return not self._closed
                self._news.wait()


class _Making:
    """One reply in the making, stepped by the worker thread."""

    def __init__(self, assistant: Replying, reply: Reply, prompt: Prompt) -> None:
        self.assistant, self.reply, self.prompt = assistant, reply, prompt
        self.steps = self._steps()

    def step(self) -> bool:
        """Make one more piece; False when the reply is finished, broken or cancelled."""
        if self.reply.cancelled:
            self.steps.close()
            return False
        try:
            self.reply.put(next(self.steps))
        except StopIteration:
            self.reply.put(None)
            return False
        except Exception as error:  # the consumer raises it again, in the request it belongs to
            self.reply.put(error)
            return False
        return True

    def abandon(self, why: Exception) -> None:
        """Close the reply unfinished and tell its reader why."""
        self.steps.close()
        self.reply.put(why)

    def _steps(self) -> "Generator[Piece, None, None]":
        """The pieces, with the usage set at the end."""
        options = self.reply.options
        pieces = self.assistant.reply(
            self.prompt.messages,
            max_tokens=options.max_tokens,
            temperature=options.temperature,
            top_p=options.top_p,
            seed=options.seed,
            stop=options.stop,
        )
        text = ""
        try:
            for piece in pieces:
                text += piece.text
                if piece.finish_reason is not None:
                    self.reply.usage = Usage(self.prompt.tokens, self.assistant.count_text(text))
                yield piece
        finally:
            pieces.close()  # now, not whenever it is collected
