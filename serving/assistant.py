"""The assistant: answers from its documents, makes small talk, or says that it does not know.

Each last message goes one of three ways:

1. A document fits: the reply quotes its passage and cites it. Which fits is for the search index
   to say (``serving/retrieval.py``), not for the model, so that a citation is always true.
2. It is small talk (it resembles a known dialogue): the chat model writes. Where the message is a
   known one, word for word, the known answer is given: a small model writes no better one.
3. Neither: the reply says so, and cites nothing.

A short follow-up ("and how do I delete it?") is looked up together with the question before it.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from chatwright.errors import BadInput
from model.generation import generate
from model.hf import load_pretrained
from model.language_model import LanguageModel
from model.tokenizer import ChatTokenizer
from serving.analysis import analyse, is_chinese
from serving.retrieval import Hit, Index
from serving.small_talk import SmallTalk, Talk
from serving.streaming import CharacterDecoder, StopFilter, in_words
from serving.wording import do_not_know, quoted

Message = dict[str, str]

CITATIONS = 5
SURELY_TALK = 0.9  # likeness to a known prompt above which its own answer is given
LIKELY_TALK = 0.7  # above which the model may answer
CLOSE = 0.9  # share of the best score above which another document is mentioned
MENTIONED = 2
SHARE_FOR_REPLY = 4  # a quarter of the context is kept for the reply, if it may be that long
SHORT_TURN = 200  # characters kept of old replies where the conversation is too long
COUNTED_CONTEXTS = 8  # how far beyond the context tokens are counted, to say how many are too many
REPETITION_PENALTY = 1.1  # small models repeat themselves
FOLLOW_UP = re.compile(
    r"^\s*(and|but|also|then|what about|how about|so)\b|\b(it|that|this|them|those|one|ones)\b"
    r"|[它这那]|^\s*(那|然后|还有|如果)|呢[？?]?\s*$",
    re.IGNORECASE,
)
FEW_WORDS = 3


@dataclass(frozen=True)
class Citation:
    """A document that a reply is made from.

    Attributes:
        document_id, title, url: which it is.
        quote: the part of it that answers.
        score: the probability that it fits, 0 to 1.
    """

    document_id: str
    title: str
    url: str | None
    quote: str
    score: float


@dataclass(frozen=True)
class Piece:
    """A part of a reply.

    Attributes:
        text: what to add to what came before; may be empty.
        finish_reason: on the last piece, "stop" or "length"; None before.
        citations: on the last piece, the documents used, best first; None before.
    """

    text: str
    finish_reason: str | None = None
    citations: list[Citation] | None = None


class Assistant:
    """A chat model and the documents that it answers from.

    Args:
        model: writes where nothing is quoted.
        tokenizer: of that model, with its chat template.
        index: finds the documents.
    """

    def __init__(self, model: LanguageModel, tokenizer: ChatTokenizer, index: Index) -> None:
        self.model, self.tokenizer, self.index = model, tokenizer, index
        self.small_talk = SmallTalk(index.small_talk)

    @classmethod
    def load(cls, bundle: Path) -> Self:
        """Read a served folder: ``model/`` and ``index/``.

        Raises:
            MissingInput, BadInput: a part is not there or cannot be read.
        """
        folder = bundle / "model"
        return cls(
            load_pretrained(folder), ChatTokenizer.load(folder), Index.load(bundle / "index")
        )

    def count_prompt(self, messages: Sequence[Message]) -> int:
        """How many tokens the model reads for these messages."""
        return len(self.tokenizer.chat_ids(messages, add_generation_prompt=True))

    def count_text(self, text: str) -> int:
        """How many tokens a text is."""
        return len(self.tokenizer.encode(text))

    def _fits(self, messages: Sequence[Message], room: int) -> bool:
        """Whether the model reads at most ``room`` tokens for these messages."""
        return self.tokenizer.chat_length(messages, room) is not None

    def trim(self, messages: Sequence[Message], max_tokens: int) -> list[Message]:
        """The messages that fit the context.

        Where they do not, long replies of before are first cut to their beginning, then the oldest
        turns go; the system message and the last message always stay.

        Args:
            messages: the conversation, oldest first.
            max_tokens: the longest reply; up to a quarter of the context is kept free for it.

        Raises:
            BadInput: there is no message, or the system message and the last do not fit alone.
        """
        if not messages:
            raise BadInput("messages", "there are none", "Send at least one message of a user")
        context = self.model.config.context_length
        room = context - min(max_tokens, context // SHARE_FOR_REPLY)
        if self._fits(messages, room):
            return list(messages)
        system = [one for one in messages[:-1] if one["role"] == "system"]
        turns = [_shortened(one) for one in messages[:-1] if one["role"] != "system"]
        last = messages[-1]
        turns = _longest_end(turns, lambda turns: self._fits([*system, *turns, last], room))
        kept = [*system, *turns, last]
        if not self._fits(kept, context - 1):
            needed = self.tokenizer.chat_length(kept, COUNTED_CONTEXTS * context)
            raise BadInput(
                "messages",
                f"{needed or f'more than {COUNTED_CONTEXTS * context}'} tokens do not fit the "
                f"model's context of {context}",
                "Shorten the last message or the system message",
            )
        return kept

    def reply(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = 256,
        temperature: float = 0.7,
        top_p: float = 0.95,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Generator[Piece, None, None]:
        """Answer the last message, in pieces; closing the iterator stops the work.

        Args:
            messages: each with ``role`` and ``content``, oldest first.
            max_tokens: the longest reply, in the model's tokens.
            temperature, top_p, seed: how the model draws its words; quotes do not depend on them.
            stop: texts before which the reply ends.

        Raises:
            BadInput: as ``trim``.
        """
        messages = self.trim(messages, max_tokens)
        asked = messages[-1]["content"]
        chinese = is_chinese(asked)
        talk, likeness = self.small_talk.nearest(asked)
        told_who = any(one["role"] == "system" and one["content"].strip() for one in messages)
        hits = [] if talk and _surely(talk, likeness) else self.fitting(messages)
        if hits:
            others = [hit.passage.title for hit in hits[1:] if hit.score >= CLOSE * hits[0].score]
            best = hits[0]
            text = quoted(best.quote, best.passage.title, others[:MENTIONED], chinese)
            yield from self._told(text, max_tokens, stop, [_citation(hit) for hit in hits])
        elif talk and likeness >= LIKELY_TALK and (told_who or not _surely(talk, likeness)):
            ids = generate(
                self.model,
                self.tokenizer.chat_ids(messages, add_generation_prompt=True),
                max_new_tokens=max_tokens,
                temperature=temperature,
                top_p=top_p,
                repetition_penalty=REPETITION_PENALTY,
                stop_ids=(self.tokenizer.end_of_turn_id, self.tokenizer.end_of_text_id),
                seed=seed,
            )
            yield from self._written(ids, talk.answer, max_tokens, stop)
        elif talk and likeness >= LIKELY_TALK:
            yield from self._told(talk.answer, max_tokens, stop, [])
        else:
            yield from self._told(do_not_know(chinese), max_tokens, stop, [])

    def fitting(self, messages: Sequence[Message]) -> list[Hit]:
        """The documents that answer the last message, best first; none where the best does not fit.

        Those after the best are kept while they fit half as well as one has to.
        """
        asked = messages[-1]["content"]
        earlier = [one["content"] for one in messages[:-1] if one["role"] == "user"]
        hits = self.index.search(asked, CITATIONS)
        if earlier and _leans_on_earlier(asked):
            together = self.index.search(f"{asked} {earlier[-1]}", CITATIONS)
            if together and together[0].score >= self.index.min_score:
                hits = together
        if not hits or hits[0].score < self.index.min_score:
            return []
        return [hits[0], *(hit for hit in hits[1:] if hit.score >= self.index.min_score / 2)]

    def _told(
        self, text: str, max_tokens: int, stop: Sequence[str], citations: list[Citation]
    ) -> Generator[Piece, None, None]:
        """A text that is known beforehand, word by word, cut at ``max_tokens``."""
        ids = self.tokenizer.encode(text)
        finish = "stop"
        if len(ids) > max_tokens:
            text = self.tokenizer.decode(ids[:max_tokens]).rstrip("\ufffd")
            finish = "length"
        gate = StopFilter(stop)
        for word in in_words(text):
            if out := gate.push(word):
                yield Piece(out)
            if gate.stopped:
                finish = "stop"
                break
        yield Piece(gate.rest(), finish, citations)

    def _written(
        self, ids: Iterator[int], known: str, max_tokens: int, stop: Sequence[str]
    ) -> Generator[Piece, None, None]:
        """What the model writes, token by token; the known answer where it writes nothing."""
        decoder, gate = CharacterDecoder(self.tokenizer.decode), StopFilter(stop)
        made, visible = 0, False
        for token in ids:
            made += 1
            out = gate.push(decoder.push(token))
            visible = visible or bool(out.strip())
            yield Piece(out)
            if gate.stopped:
                break
        if not visible and not gate.stopped and made < max_tokens:
            yield from self._told(known, max_tokens - made, stop, [])
            return
        full = made >= max_tokens and not gate.stopped
        yield Piece(gate.rest(), "length" if full else "stop", [])


def _surely(talk: Talk, likeness: float) -> bool:
    """Whether a message is a known one of small talk, and not one that documents may answer."""
    return likeness >= SURELY_TALK if talk.basic else likeness >= 0.999


def _citation(hit: Hit) -> Citation:
    passage = hit.passage
    return Citation(passage.document_id, passage.title, passage.url, hit.quote, round(hit.score, 4))


def _shortened(message: Message) -> Message:
    if message["role"] != "assistant" or len(message["content"]) <= SHORT_TURN:
        return message
    return {**message, "content": message["content"][:SHORT_TURN]}


def _longest_end(turns: list[Message], fits: Callable[[list[Message]], bool]) -> list[Message]:
    """The most of the last turns that fit, where fewer fit too; none where not even one does.

    Ends twice as long are tried until one does not fit, then the border is halved in: rendering a
    conversation takes as long as it is, so dropping turn by turn would take its square.
    """
    if fits(turns):
        return turns
    fitting, too_many = 0, 1
    while too_many < len(turns) and fits(turns[-too_many:]):
        fitting, too_many = too_many, 2 * too_many
    too_many = min(too_many, len(turns))
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if fits(turns[-middle:]):
            fitting = middle
        else:
            too_many = middle
    return turns[len(turns) - fitting :]


def _leans_on_earlier(text: str) -> bool:
    """Whether a message only makes sense with the one before it."""
    question = analyse(text)
    if any(name.dotted for name in question.names):
        return False
    content = [group for group in question.groups if group.weight == 1]
    return len(content) == 0 or (len(content) < FEW_WORDS and bool(FOLLOW_UP.search(text)))
