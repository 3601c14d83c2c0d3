"""The assistant as served, asked questions whose answers are known.

What is scored is what a client gets: the citations in the order of the reply, and its text. Each
question is a conversation of its own, answered greedily, so that a build's scores do not depend on
luck.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from serving.assistant import Assistant, Citation
from serving.wording import do_not_know
from tasks.evaluate.answers import overlap
from tasks.evaluate.question_sets import UNANSWERABLE, Question, QuestionSet, by_group
from tasks.progress import Progress, silent

REPLY_TOKENS = 256
"""The longest reply: what a client gets that does not ask for another length."""


class Reply(NamedTuple):
    """What came back: the text, and what it was made from, best first."""

    text: str
    citations: list[Citation]


class Scores(BaseModel):
    """How a group of questions was answered; shares from 0 to 1, None where there is no question.

    Attributes:
        questions: how many were asked.
        right_first: share whose first citation is a right document.
        right_in_five: share with a right document among the first five citations.
        token_f1: mean F1 of reply and expected answer (``answers.overlap``).
        token_recall: mean share of the expected answer that the reply contains.
        wrongly_declined: share of the answerable that it said it does not know.
        rightly_declined: share of the unanswerable that it said it does not know.
    """

    model_config = ConfigDict(frozen=True)

    questions: int
    right_first: float | None = None
    right_in_five: float | None = None
    token_f1: float | None = None
    token_recall: float | None = None
    wrongly_declined: float | None = None
    rightly_declined: float | None = None


class SetScores(BaseModel):
    """How a set of questions was answered: all of it, and by style and language.

    ``left_out`` counts questions about documents that this corpus does not hold.
    """

    model_config = ConfigDict(frozen=True)

    all: Scores
    groups: dict[str, Scores]
    left_out: int


@contextmanager
def served(model: Path, index: Path) -> Iterator[Assistant]:
    """The assistant that a model and an index make, loaded as the server loads it."""
    with tempfile.TemporaryDirectory(prefix="chatwright-") as bundle:
        (Path(bundle) / "model").symlink_to(model.resolve(), target_is_directory=True)
        (Path(bundle) / "index").symlink_to(index.resolve(), target_is_directory=True)
        yield Assistant.load(Path(bundle))


def ask(assistant: Assistant, question: str) -> Reply:
    """One question, one whole reply."""
    text, citations = "", list[Citation]()
    messages = [{"role": "user", "content": question}]
    for piece in assistant.reply(messages, max_tokens=REPLY_TOKENS, temperature=0.0):
        text += piece.text
        citations = piece.citations or citations
    return Reply(text, citations)


def declined(reply: Reply) -> bool:
    """Whether the assistant said that it does not know.

    A reply that cites nothing but says something else, such as small talk, is not one.
    """
    return reply.text.strip() in (do_not_know(chinese=False), do_not_know(chinese=True))


def scores(questions: Sequence[Question], replies: Sequence[Reply]) -> Scores:
    """Compare replies with what was expected; see ``Scores``."""
    answerable = [
        (question, reply)
        for question, reply in zip(questions, replies, strict=True)
        if question.style != UNANSWERABLE
    ]
    unanswerable = [
        reply
        for question, reply in zip(questions, replies, strict=True)
        if question.style == UNANSWERABLE
    ]
    ranks = [_rank(question, reply) for question, reply in answerable]
    overlaps = [
        overlap(reply.text, question.answer) for question, reply in answerable if question.answer
    ]
    return Scores(
        questions=len(questions),
        right_first=_mean([rank == 0 for rank in ranks]),
        right_in_five=_mean([rank is not None and rank < 5 for rank in ranks]),
        token_f1=_mean([each.f1 for each in overlaps]),
        token_recall=_mean([each.recall for each in overlaps]),
        wrongly_declined=_mean([declined(reply) for _, reply in answerable]),
        rightly_declined=_mean([declined(reply) for reply in unanswerable]),
    )


def set_scores(
    assistant: Assistant, asked: QuestionSet, *, progress: Progress = silent
) -> SetScores:
    """Ask all questions of a set and score the replies."""
    replies = []
    for number, question in enumerate(asked.questions, start=1):
        replies.append(ask(assistant, question.question))
        progress(number, len(asked.questions), "questions")
    groups = {
        name: scores([asked.questions[at] for at in places], [replies[at] for at in places])
        for name, places in by_group(asked.questions).items()
    }
    return SetScores(all=scores(asked.questions, replies), groups=groups, left_out=asked.left_out)


def _rank(question: Question, reply: Reply) -> int | None:
    """Where the first right document stands among the documents cited, from 0."""
    cited = list(dict.fromkeys(citation.document_id for citation in reply.citations))
    return next((at for at, id in enumerate(cited) if id in question.documents), None)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
