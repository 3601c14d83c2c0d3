"""The source ``questions``: questions with the contexts that answer them, for readers of passages.

Reads the files that ``ingest.questions.paths`` names: SQuAD 1 and 2 (and DRCD, XQuAD, CMRC in its
layout), and CMRC's own layout. Every answer is checked to stand where the file says; the id is that
of the set, ``questions/squad/dev-v2.0.json#56ddde6b9a695914005b9628``.
"""

from collections.abc import Iterator
from typing import Any

from tasks.ingest.archives import open_files
from tasks.ingest.json_values import JSON_ENDINGS, json_values
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles, Tally, split_of, unknown_shape
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Broken, names_in, sound
from tasks.ingest.source_files import Content, Reading, SourceFile, read_anew
from tasks.ingest.text_encoding import Undecodable
from tasks.labelled import Question
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "questions"
KNOWN = "SQuAD's layout (data, paragraphs, qas) and CMRC's (context_text, qas)"


def questions(
    files: NamedFiles,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    """The questions in the named files.

    Args:
        files: which, and the limits.
        left_out: gets counted, and named, what cannot be used.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput: as ``NamedFiles.found``.
        BadInput: a file is in no known shape, or too much of it is broken.
    """
    yield from files.contents(_contents, left_out, reading, progress)


def _contents(named: SourceFile, left_out: LeftOut, *, limits: FolderParams) -> Iterator[Question]:
    for file in open_files(named.path, named.where, limits, left_out):
        if file.suffix not in JSON_ENDINGS:
            left_out.add(f"not a format that is read ({file.suffix or 'no ending'})", file.where)
            continue
        tally = Tally(file, limits, left_out)
        seen: set[str] = set()
        try:
            for number, value in json_values(file):
                if file.packed.trouble():
                    break
                if not tally.is_good(value, number):
                    continue
                for question in _questions(value, number, file, tally, left_out):
                    if question.id in seen:
                        left_out.add("same question twice", question.id)
                        continue
                    seen.add(question.id)
                    yield question
        except Undecodable as error:
            left_out.add(str(error), file.where)
            continue
        tally.check()


def _questions(
    article: Any, number: int, file: OpenFile, tally: Tally, left_out: LeftOut
) -> Iterator[Question]:
    """The questions of one article."""
    for place, (title, context, asked) in enumerate(_paragraphs(article, number, file)):
        for count, each in enumerate(asked if isinstance(asked, list) else [None]):
            found = _question(title, context, each, f"{number}.{place}.{count}", file, left_out)
            if tally.is_good(found, number) and isinstance(found, Question):
                yield found


def _paragraphs(article: Any, number: int, file: OpenFile) -> Iterator[tuple[Any, Any, Any]]:
    """Title, context and questions of each paragraph, in either layout."""
    if isinstance(article, dict) and isinstance(article.get("paragraphs"), list):
        for paragraph in article["paragraphs"]:
            paragraph = paragraph if isinstance(paragraph, dict) else {}
            yield article.get("title"), paragraph.get("context"), paragraph.get("qas")
    elif isinstance(article, dict) and {"context_text", "qas"} <= article.keys():
        yield article.get("title"), article["context_text"], article["qas"]
    else:
        names = names_in(article) if isinstance(article, dict) else "no names"
        raise unknown_shape(file, f"record {number} holds {names}", KNOWN)


def _question(
    title: Any, context: Any, asked: Any, place: str, file: OpenFile, left_out: LeftOut
) -> Question | Broken:
    asked = asked if isinstance(asked, dict) else {}
    question = asked.get("question", asked.get("query_text"))
    if not isinstance(question, str) or not isinstance(context, str):
        return Broken(0, "question without its text or context", place)
    context, question = sound(context), sound(question).strip()
    if not context.strip() or not question:
        return Broken(0, "question with an empty text or context", place, is_empty=True)
    name = str(asked.get("id") or asked.get("query_id") or place)
    answers: list[dict[str, Any]] = []
    given = asked.get("answers") or []
    for answer in given if isinstance(given, list) else []:
        found = _placed(answer, context, f"{file.where}, {name}", left_out)
        if found and found not in answers:
            answers.append(found)
    if not answers and not asked.get("is_impossible"):
        return Broken(0, "question without an answer in its context", name, is_empty=True)
    return Question(
        id=f"{SOURCE}/{file.where}#{name}",
        source=SOURCE,
        lang=language(context),
        context=context,
        question=question,
        answers=[] if asked.get("is_impossible") else answers,
        title=sound(title).replace("_", " ") if isinstance(title, str) and title else None,
        split=split_of(file.where),
    )


def _placed(answer: Any, context: str, where: str, left_out: LeftOut) -> dict[str, Any] | None:
    """An answer with the place where it stands; None, counted, where it does not."""
    text = answer.get("text") if isinstance(answer, dict) else answer
    start = answer.get("answer_start") if isinstance(answer, dict) else None
    if not isinstance(text, str) or not text:
        left_out.add("answer without a text", where)
        return None
    if isinstance(start, int) and start >= 0 and context.startswith(text, start):
        return {"text": text, "start": start}
    places = []
    found = context.find(text)
    while found >= 0:
        places.append(found)
        found = context.find(text, found + 1)
    if not places:
        left_out.add("answer that is not in its context", where)
        return None
    if isinstance(start, int):
        left_out.add("answer that stands elsewhere than it says", where)
        return {"text": text, "start": min(places, key=lambda each: abs(each - start))}
    return {"text": text, "start": places[0]}
