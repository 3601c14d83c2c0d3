"""Questions with contexts: both layouts, and answers that are where they say."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import BadInput
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.questions import questions
from tasks.labelled import Question
from tasks.params_ingest import FolderParams

CONTEXT = "The dome is gold. 圆顶是金色的。 The dome is new."


def read(path: Path, left_out: LeftOut | None = None) -> list[Question]:
    limits = FolderParams(path=str(path.parent))
    return list(questions(NamedFiles("questions", [str(path)], limits), left_out or LeftOut()))


def squad(*asked: dict[str, Any]) -> str:
    paragraph = {"context": CONTEXT, "qas": list(asked)}
    return json.dumps(
        {"version": "v2.0", "data": [{"title": "Notre_Dame", "paragraphs": [paragraph]}]}
    )


def test_squad_with_answers_none_and_wrong_ones(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    path.write_text(
        squad(
            {
                "id": "a",
                "question": "What colour?",
                "answers": [{"text": "gold", "answer_start": 12}] * 3,
            },
            {"id": "b", "question": "How old?", "answers": [], "is_impossible": True},
            {
                "id": "c",
                "question": "Which one?",
                "answers": [{"text": "The dome", "answer_start": 20}],
            },
            {"id": "d", "question": "Where?", "answers": [{"text": "Paris", "answer_start": 1}]},
            {"id": "a", "question": "Again?", "answers": [{"text": "gold", "answer_start": 12}]},
        )
    )
    left_out = LeftOut()
    found = {each.id: each for each in read(path, left_out)}
    assert {name: each.answers for name, each in found.items()} == {
        "questions/dev.json#a": [{"text": "gold", "start": 12}],
        "questions/dev.json#b": [],
        "questions/dev.json#c": [{"text": "The dome", "start": CONTEXT.index("The dome is new")}],
    }
    first = found["questions/dev.json#a"]
    assert (first.title, first.context, first.split) == ("Notre Dame", CONTEXT, "validation")
    assert left_out.counts == {
        "answer that stands elsewhere than it says": 1,
        "answer that is not in its context": 1,
        "question without an answer in its context": 1,
        "same question twice": 1,
    }


def test_cmrc_has_its_own_layout(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    asked = [{"query_text": "什么颜色？", "query_id": "T_0", "answers": ["金色"]}]
    path.write_text(
        json.dumps(
            [{"context_id": "T", "context_text": "圆顶是金色的。", "qas": asked, "title": "圆顶"}]
        )
    )
    (found,) = read(path)
    assert (found.lang, found.question, found.answers) == (
        "zh",
        "什么颜色？",
        [{"text": "金色", "start": 3}],
    )


@pytest.mark.parametrize("content", ['{"rows": 3}', "[1, 2]", '{"data": [{"story": "..."}]}'])
def test_unknown_shape_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "q.json").write_text(content)
    with pytest.raises(BadInput, match=r"^q\.json: is in no shape known here: record 1 holds"):
        read(tmp_path / "q.json")


def test_file_cut_off_gives_what_comes_before(tmp_path: Path) -> None:
    article = json.loads(
        squad({"id": "a", "question": "What?", "answers": [{"text": "gold", "answer_start": 12}]})
    )["data"][0]
    for number in range(2):  # the first whole, the second cut
        article["paragraphs"][0]["qas"][0]["id"] = f"q{number}"
        (tmp_path / f"{number}").write_text(json.dumps(article))
    whole, cut = (tmp_path / "0").read_text(), (tmp_path / "1").read_text()[:-30]
    (tmp_path / "q.json").write_text(f'{{"data": [{whole}, {cut}')
    with pytest.raises(
        BadInput, match=r"1 of 3 records are broken.*is not JSON, nor can what comes after"
    ):
        read(tmp_path / "q.json")
    left_out = LeftOut()
    limits = FolderParams(path=str(tmp_path), max_broken_share=0.5)
    found = list(questions(NamedFiles("questions", [str(tmp_path / "q.json")], limits), left_out))
    assert [each.id for each in found] == ["questions/q.json#q0"]
    assert left_out.counts == {"is not JSON, nor can what comes after it be read": 1}


# Counts of SOURCES.md; CMRC's trial has 1,002 questions, of which two are empty.
@pytest.mark.parametrize(
    ("name", "number", "lang"),
    [
        ("squad1.1-tiny.json", 5, "en"),
        ("xquad.en.json", 1190, "en"),
        ("xquad.zh.json", 1190, "zh"),
        ("DRCD_dev.json.gz", 3524, "zh"),
        ("cmrc2018_trial.json", 1000, "zh"),
        ("cmrc2018_trial.squad.json", 1000, "zh"),
    ],
)
def test_real_sets_of_questions(test_data: Path, name: str, number: int, lang: str) -> None:
    found = read(test_data / "qa" / name)
    assert len(found) == number and {each.lang for each in found} == {lang}
    for each in found:
        for answer in each.answers:
            assert each.context[answer["start"] :].startswith(answer["text"])


def test_unanswerable_questions_of_squad_2_have_no_answer(test_data: Path) -> None:
    found = read(test_data / "qa" / "squad2.0-tiny.json")
    assert [bool(each.answers) for each in found].count(False) == 1


def test_files_of_other_formats_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# SQuAD\n\nWhat it is.\n")
    asked = {"id": "a", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
    data = [{"paragraphs": [{"context": "Ann did.", "qas": [asked]}]}]
    (tmp_path / "x.json").write_text(json.dumps({"data": data}))
    left_out = LeftOut()
    named = NamedFiles("questions", [f"{tmp_path}/*"], FolderParams(path=str(tmp_path)))
    assert [each.id for each in questions(named, left_out)] == ["questions/x.json#a"]
    assert left_out.counts == {"not a format that is read (.md)": 1}
