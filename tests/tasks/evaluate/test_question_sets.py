"""Which questions are asked of which corpus, and what a broken file of them gets."""

import json
from pathlib import Path

import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Document
from tasks.evaluate.question_sets import (
    WrittenQuestion,
    by_group,
    generated_set,
    read_questions,
    written_set,
)

GOOD = {
    "question": "How do I copy a folder?",
    "lang": "en",
    "style": "need",
    "documents": ["shutil.copytree"],
    "answer": "shutil.copytree",
}
UNANSWERABLE = {
    "question": "Who won the match?",
    "lang": "en",
    "style": "unanswerable",
    "documents": [],
}


def documents(*titles: str, text: str = "", **meta: object) -> list[Document]:
    return [
        Document(
            id=f"python-docs/{title}",
            source="python-docs",
            title=title,
            text=text or f"Copy the {number}th of all the things.",
            lang="en",
            meta={"kind": "function", **meta},
        )
        for number, title in enumerate(titles)
    ]


def written(**changes: object) -> WrittenQuestion:
    return WrittenQuestion.model_validate({**GOOD, **changes})


def file_of(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text(
        "".join(
            (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n"
            for line in lines
        ),
        encoding="utf-8",
    )
    return path


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    questions = read_questions(file_of(tmp_path, GOOD, "", UNANSWERABLE))
    assert [one.style for one in questions] == ["need", "unanswerable"]
    assert questions[0].documents == ["shutil.copytree"]


def test_a_missing_file_is_named_with_its_parameter(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"none\.jsonl: there is no .* evaluate\.questions"):
        read_questions(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"question": "How', "is not JSON"),
        ('["a list"]', "the line: "),
        ({**GOOD, "style": "guess"}, "style: "),
        ({**GOOD, "question": ""}, "question: "),
        ({**GOOD, "documnets": []}, "documnets: "),
        ({**GOOD, "documents": [1]}, r"documents\.0: "),
        ({**GOOD, "documents": []}, "its style is need and it names no documents"),
        ({**UNANSWERABLE, "documents": ["os"]}, "its style is unanswerable and it has documents"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: object, complaint: str) -> None:
    path = file_of(tmp_path, GOOD, line)
    with pytest.raises(BadInput, match=rf"questions\.jsonl, line 2: {complaint}"):
        read_questions(path)


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_bytes('{"question": "怎样复制文件夹"}\n'.encode("gbk"))
    with pytest.raises(BadInput, match="line 1"):
        read_questions(path)


def test_titles_and_aliases_stand_for_their_documents() -> None:
    corpus = [*documents("shutil.copytree"), *documents("os.path.join", aliases=["posixpath.join"])]
    asked = written_set([written(), written(documents=["posixpath.join", "none"])], corpus)
    assert [set(one.documents) for one in asked.questions] == [
        {"python-docs/shutil.copytree"},
        {"python-docs/os.path.join"},
    ]
    assert asked.left_out == 0


def test_questions_about_documents_that_are_not_there_are_left_out_and_counted() -> None:
    asked = written_set(
        [written(), written(documents=["os.walk"]), WrittenQuestion.model_validate(UNANSWERABLE)],
        documents("shutil.copytree"),
    )
    assert [one.style for one in asked.questions] == ["need", "unanswerable"]
    assert asked.left_out == 1


def test_another_corpus_is_asked_nothing() -> None:
    """What Python's documentation cannot answer, somebody else's corpus may well."""
    asked = written_set(
        [written(), WrittenQuestion.model_validate(UNANSWERABLE)], documents("Holidays")
    )
    assert asked == ([], 2)


def test_generated_questions_are_as_many_as_wanted_and_always_the_same() -> None:
    corpus = documents(*(f"things.copy_{number}" for number in range(20)))
    first = generated_set(corpus, corpus, 30)
    assert len(first.questions) == 30
    assert generated_set(reversed(corpus), corpus, 30) == first
    few = generated_set(corpus, corpus, 5)
    assert few.questions == first.questions[:5]


def test_a_corpus_is_gone_through_once() -> None:
    corpus = documents(*(f"things.copy_{number}" for number in range(20)))
    corpus += documents("shutil.copytree")
    assert generated_set(iter(corpus), iter(corpus), 9) == generated_set(corpus, corpus, 9)
    assert written_set([written()], iter(corpus)) == written_set([written()], corpus)


def test_a_need_is_met_by_every_document_with_that_summary() -> None:
    corpus = documents("shutil.copy", "filecmp.other", text="Put two files side by side.")
    corpus += documents("os.walk")
    questions = generated_set(corpus[:1], corpus, 100).questions
    accepted = {one.style: set(one.documents) for one in questions}
    assert accepted == {
        "need": {"python-docs/shutil.copy", "python-docs/filecmp.other"},
        "name": {"python-docs/shutil.copy"},
    }


def test_groups_are_styles_and_languages_and_the_unanswerable_apart() -> None:
    asked = written_set(
        [
            written(),
            written(style="name", lang="zh"),
            WrittenQuestion.model_validate(UNANSWERABLE),
        ],
        documents("shutil.copytree"),
    )
    assert by_group(asked.questions) == {
        "en": [0],
        "name": [1],
        "need": [0],
        "unanswerable": [2],
        "zh": [1],
    }
