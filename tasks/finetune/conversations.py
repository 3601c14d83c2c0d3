"""What the chat model learns from: introductions, small talk, and questions about documents.

Notable choices: the three are mixed by tokens, not by counts, and each is repeated until its share
is full, because there is far more to ask about the documents than a small model could learn, and
the served assistant looks those answers up anyway; what it has to say by itself is small talk. The
introductions (introductions.jsonl) say who is speaking. They replace the dialogues that begin with
the same words, so that a greeting has one good answer, not eight.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from tasks.documents import Dialogue, Document
from tasks.preprocess.decontamination import Decontamination
from tasks.preprocess.evaluation_sets import EvaluationSet
from tasks.questions import training_questions

Conversation = list[dict[str, str]]
Marked = tuple[list[int], list[bool]]

INTRODUCTIONS = Path(__file__).with_name("introductions.jsonl")
INTRODUCTION_SHARE = 0.5
"""Of the small talk's tokens."""


def introductions() -> list[Conversation]:
    """Who the assistant is and how it greets: each question in each of its wordings."""
    lines = INTRODUCTIONS.read_text(encoding="utf-8").splitlines()
    return [
        [{"role": "user", "content": question}, {"role": "assistant", "content": said["assistant"]}]
        for said in map(json.loads, lines)
        for question in said["user"]
    ]


def without_evaluated(
    dialogues: Sequence[Dialogue], sets: Sequence[EvaluationSet]
) -> tuple[list[Dialogue], dict[str, int]]:
    """The dialogues that hold no text of an evaluation set, and how many each set cost."""
    if not sets:
        return list(dialogues), {}
    said = ["\n".join(each["content"] for each in dialogue.messages) for dialogue in dialogues]
    leaks = Decontamination(sets).leaks(said)
    cost = Counter(leak.evaluation_set for leak in leaks if leak is not None)
    stay = [dialogue for dialogue, leak in zip(dialogues, leaks, strict=True) if leak is None]
    return stay, dict(sorted(cost.items()))


def small_talk(dialogues: Iterable[Dialogue]) -> list[Conversation]:
    """The dialogues worth learning: each once, without empty messages, whose beginning is not an
    introduction's."""
    taken = {_bare(conversation[0]["content"]) for conversation in introductions()}
    found: dict[str, Conversation] = {}
    for dialogue in dialogues:
        messages = dialogue.messages
        whole = all(message["content"].strip() for message in messages)
        if whole and _bare(messages[0]["content"]) not in taken:
            found.setdefault(json.dumps(messages), messages)
    return list(found.values())


def document_questions(documents: Iterable[Document]) -> list[Conversation]:
    """All training questions of all documents."""
    return [talk for document in documents for talk in training_questions(document)]


def mixture(
    pools: Sequence[tuple[float, Sequence[Conversation | str]]],
    tokens: int,
    encode: Callable[[Conversation | str], Marked],
    seed: int,
) -> list[Marked]:
    """Encoded conversations and texts of about ``tokens`` tokens, in an order drawn from the seed.

    Args:
        pools: shares, and conversations or texts. A pool whose share is larger than itself comes
            several times, each time in another order; the share of an empty one goes to the others.
        encode: ids, and which of them are to be learnt.
    """
    filled = [(share, pool) for share, pool in pools if pool and share > 0]
    whole = sum(share for share, _ in filled)
    chosen: list[tuple[bytes, Marked]] = []
    for number, (share, pool) in enumerate(filled):
        left = tokens * share / whole
        for place, conversation in enumerate(_endless(pool, seed)):
            if left <= 0:
                break
            marked = encode(conversation)
            left -= len(marked[0])
            chosen.append((_key(seed, number, place), marked))
    return [marked for _, marked in sorted(chosen, key=lambda pair: pair[0])]


def _endless(pool: Sequence[Conversation | str], seed: int) -> Iterator[Conversation | str]:
    for epoch in count():
        order = sorted(range(len(pool)), key=lambda place: _key(seed, epoch, place))
        yield from (pool[place] for place in order)


def _key(*parts: int) -> bytes:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()


def _bare(text: str) -> str:
    """A text without case, punctuation and white space."""
    return re.sub(r"[\W_]+", "", text).casefold()
