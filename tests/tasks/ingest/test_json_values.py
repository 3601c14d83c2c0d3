"""What stands in a JSON file, to its end: nothing that follows is lost without a word."""

import json
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import BadInput
from tasks.ingest.chat import chat
from tasks.ingest.labelled import labelled
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.questions import questions
from tasks.params_ingest import FolderParams


def files(source: str, path: Path, **limits: float) -> NamedFiles:
    return NamedFiles(source, [str(path)], FolderParams(path=str(path.parent), **limits))  # type: ignore[arg-type]


def talk(number: int, length: int = 0) -> dict[str, Any]:
    return {"instruction": f"{number} " + "x" * length, "output": "Hello"}


def asked(path: Path, left_out: LeftOut | None = None, **limits: float) -> list[str]:
    """The first word of each conversation in a file."""
    found = chat(files("chat", path, **limits), left_out or LeftOut())
    return [each.messages[0]["content"].split()[0] for each in found]


NUMBERS = ["0", "1", "2", "3", "4"]
TALKS = [talk(n) for n in range(5)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(each, indent=1) for each in TALKS),
        "".join(json.dumps(each, indent=1) for each in TALKS),
        f"{json.dumps(TALKS[:1])}\n{json.dumps(TALKS[1:])}\n",
        json.dumps({"version": 1, "data": TALKS[:3]}) + "\n\n" + json.dumps(TALKS[3:]),
        json.dumps({"data": TALKS[:3], "note": "n"}) + json.dumps({"n": [1], "data": TALKS[3:]}),
        "\n".join(json.dumps(each) for each in [talk(0, 2**20), *TALKS[1:]]),
    ],
    ids=["objects", "without space", "arrays", "data, array", "data twice", "long first line"],
)
def test_what_follows_the_first_value_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    left_out = LeftOut()
    assert asked(tmp_path / "x.json", left_out) == NUMBERS
    assert not left_out.counts


@pytest.mark.parametrize("end", [" oops", "]", ', {"data": 1}', ' {"instruction": "5"'])
@pytest.mark.parametrize("holds_data", [False, True])
def test_what_follows_and_is_no_value_is_named(tmp_path: Path, end: str, holds_data: bool) -> None:
    talks = [talk(n) for n in range(30)]
    text = json.dumps({"data": talks} if holds_data else talks)
    (tmp_path / "x.json").write_text(text + end)
    left_out = LeftOut()
    assert len(asked(tmp_path / "x.json", left_out)) == 30
    assert left_out.counts == {"is not JSON, nor can what comes after it be read": 1}


def test_object_that_breaks_off_after_its_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"data": [talk(n) for n in range(30)]})[:-1])
    left_out = LeftOut()
    assert len(asked(tmp_path / "x.json", left_out)) == 30
    assert left_out.counts == {"is not JSON, nor can what comes after it be read": 1}


def test_squad_files_one_after_the_other(tmp_path: Path) -> None:
    def squad(name: str) -> str:
        asked = {"id": name, "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}]}
        return json.dumps({"data": [{"paragraphs": [{"context": "Ann did.", "qas": [asked]}]}]})

    (tmp_path / "x.json").write_text(squad("a") + "\n" + squad("b") + "\n")
    found = questions(files("questions", tmp_path / "x.json"), LeftOut())
    assert [each.id for each in found] == ["questions/x.json#a", "questions/x.json#b"]


@pytest.mark.parametrize("place", [0, 1])
def test_error_of_syntax_is_told_as_such_however_long_the_file(tmp_path: Path, place: int) -> None:
    records = [json.dumps(talk(n, 500)) for n in range(2_000)]
    records[place] = '{"instruction": oops}'
    (tmp_path / "x.json").write_text(f"[{','.join(records)}]")
    with pytest.raises(BadInput, match=r"nor can what comes after it be read \(expecting value\)"):
        asked(tmp_path / "x.json", max_document_bytes=300_000)


def test_value_may_be_cut_anywhere_where_reading_stops_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.ingest.json_values.CHUNK_CHARACTERS", 100)
    record = '{"text": "a\\ud83d\\ude00\\n", "more": [true, null, -12.5e+3, -Infinity], "label": 1}'
    for cut in range(100):
        (tmp_path / "x.json").write_text(f"[{' ' * cut}{record}, {record}]")
        left_out = LeftOut()
        found = list(labelled(files("labelled", tmp_path / "x.json"), left_out))
        assert [(each.text, each.label) for each in found] == [("a😀", "1")] * 2, cut
        assert not left_out.counts
