"""The questions that the assistant is asked: a file written by hand, and ones made from documents.

Either way a question knows the documents, by id, that a good reply cites. A question about
documents that the corpus does not hold is left out and counted, so that the file that ships with
the project does no harm to a corpus of another kind.
"""

import hashlib
import heapq
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Document
from tasks.questions import HeldOutQuestion, held_out_questions, summary_sentence

UNANSWERABLE = "unanswerable"
FORMAT = (
    'Each line is a JSON object: {"question", "lang", "style": "name", "need" or'
    ' "situation", "documents": [titles], "answer"}, or'
    ' {"question", "lang", "style": "unanswerable", "documents": []}'
)


class Question(NamedTuple):
    """A question to ask.

    Attributes:
        documents: ids of the documents that answer it; empty where the corpus cannot.
        answer: what a good reply says; empty where nothing is expected.
        style: "name" (it names the thing), "need" (it says in a sentence what is wanted),
            "situation" (it tells of a problem, in words that the documents do not use) or
            "unanswerable".
    """

    question: str
    lang: str
    style: str
    documents: frozenset[str]
    answer: str


class QuestionSet(NamedTuple):
    """Questions that the corpus can be asked, and how many were left out because it cannot."""

    questions: list[Question]
    left_out: int


class WrittenQuestion(BaseModel):
    """A line of the file of questions written by hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1)]
    lang: Annotated[str, Field(min_length=2)]
    style: Literal["name", "need", "situation", "unanswerable"]
    documents: list[str]
    answer: str = ""


def read_questions(path: Path) -> list[WrittenQuestion]:
    """Read a file of questions written by hand, one JSON object a line; empty lines are passed by.

    Raises:
        MissingInput: there is no such file.
        BadInput: a line is broken, or its documents do not suit its style; the line is named.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        raise MissingInput(
            str(path), "there is no such file of questions", "evaluate.questions names it"
        ) from None
    questions = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            written = WrittenQuestion.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "the line"
            message = first["msg"][0].lower() + first["msg"][1:]
            raise BadInput(where, f"{key}: {message}", FORMAT) from None
        except ValueError as error:  # not UTF-8, not JSON
            raise BadInput(where, f"is not JSON ({error})", FORMAT) from None
        if bool(written.documents) == (written.style == UNANSWERABLE):
            what = "has" if written.documents else "names no"
            raise BadInput(where, f"its style is {written.style} and it {what} documents", FORMAT)
        questions.append(written)
    return questions


def written_set(written: Collection[WrittenQuestion], corpus: Iterable[Document]) -> QuestionSet:
    """The hand-written questions that this corpus can be asked.

    A title or an alias of a document stands for it. Where the corpus holds none of the documents
    that the file asks about, the file belongs to another corpus, and what that one could not
    answer this one may: the unanswerable questions are left out as well.
    """
    ids_by_title: dict[str, set[str]] = {title: set() for one in written for title in one.documents}
    for document in corpus:
        for title in (document.title, *document.meta.get("aliases", ())):
            if title in ids_by_title:
                ids_by_title[title].add(document.id)
    asked = [
        Question(
            one.question,
            one.lang,
            one.style,
            frozenset(id for title in one.documents for id in ids_by_title[title]),
            one.answer,
        )
        for one in written
    ]
    if not any(question.documents for question in asked):
        return QuestionSet([], len(asked))
    kept = [one for one in asked if one.documents or one.style == UNANSWERABLE]
    return QuestionSet(kept, len(asked) - len(kept))


def generated_set(
    held_out: Iterable[Document], corpus: Iterable[Document], count: int
) -> QuestionSet:
    """Questions made from held-out documents: ``count`` of them, chosen by hash.

    A need that several documents of the corpus meet in the same words is met by each of them.
    """
    chosen = heapq.nsmallest(count, _made_questions(held_out), key=_draw)
    needs = {summary for one, summary in chosen if one.style == "need"}
    met_by = _ids_by_summary(corpus, needs) if needs else {}
    questions = [
        Question(
            one.question,
            one.lang,
            one.style,
            frozenset({one.document_id}) | (met_by[summary] if one.style == "need" else set()),
            one.answer,
        )
        for one, summary in chosen
    ]
    return QuestionSet(questions, 0)


def _made_questions(held_out: Iterable[Document]) -> Iterator[tuple[HeldOutQuestion, str]]:
    """Each with its document's summary."""
    for document in held_out:
        summary = _summary(document)
        yield from ((one, summary) for one in held_out_questions(document))


def _draw(made: tuple[HeldOutQuestion, str]) -> bytes:
    one, _ = made
    return hashlib.sha256(f"{one.document_id}\n{one.style}\n{one.lang}".encode()).digest()


def _summary(document: Document) -> str:
    return summary_sentence(document).casefold()


def _ids_by_summary(
    corpus: Iterable[Document], summaries: Collection[str]
) -> Mapping[str, set[str]]:
    ids: dict[str, set[str]] = {summary: set() for summary in summaries}
    for document in corpus:
        summary = _summary(document)
        if summary in ids:
            ids[summary].add(document.id)
    return ids


def by_group(questions: Sequence[Question]) -> dict[str, list[int]]:
    """Where the questions of each style, and of each language, stand in the list."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for at, question in enumerate(questions):
        groups[question.style].append(at)
        if question.style != UNANSWERABLE:
            groups[question.lang].append(at)
    return dict(sorted(groups.items()))
