"""Conversations in files that are not as they should be: counted and named, never a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.documents import Dialogue
from tasks.ingest.chat import chat
from tasks.ingest.dialogues import conversations
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams

GOOD = {"instruction": "Hi", "output": "Hello"}
BAD_YAML = {
    "day that is none": "- - 2020-13-45\n  - Hello\n",
    "time that is none": "- - 2020-01-01 99:99:99\n  - Hello\n",
    "no digits": '- - !!int ""\n  - Hello\n',
    "neither true nor false": "- - !!bool maybe\n  - Hello\n",
    "nested deeply": "  " + "[" * 5_000 + "]" * 5_000,
    "half a list": "- - [Hi\n",
}


def read(path: Path, left_out: LeftOut) -> list[Dialogue]:
    limits = FolderParams(path=str(path.parent), max_broken_share=1)
    return list(chat(NamedFiles("chat", [str(path)], limits), left_out))


@pytest.mark.parametrize("text", BAD_YAML.values(), ids=BAD_YAML)
def test_what_is_not_yaml_is_named_by_both_sources(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yml").write_text(f"conversations:\n{text}")
    left_out = LeftOut()
    assert read(tmp_path / "x.yml", left_out) == []
    assert left_out.counts == {"is not YAML": 1}
    left_out = LeftOut()
    assert list(conversations(tmp_path / "x.yml", "en", "x", left_out)) == []
    assert left_out.counts == {"file cannot be parsed": 1}


def tree(**more: Any) -> dict[str, Any]:
    return {"text": "Hi", "role": "prompter", "replies": [], **more}


@pytest.mark.parametrize(
    "record",
    [
        {**GOOD, "history": 5},
        {**GOOD, "history": {"Hi": "Hello"}},
        {**GOOD, "history": [5]},
        {**GOOD, "history": "Hi"},
        tree(replies=5),
        tree(replies="none"),
        tree(replies=[tree(role="assistant", replies=5)]),
        {"messages": [5, None]},
        {"conversations": [5]},
    ],
    ids=lambda record: json.dumps(record)[:60],
)
def test_parts_of_the_wrong_type_make_a_record_broken(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    (tmp_path / "x.json").write_text(json.dumps([record, GOOD]))
    left_out = LeftOut()
    assert [each.id for each in read(tmp_path / "x.json", left_out)] == ["chat/x.json#2"]
    assert left_out.counts == {"a message lacks its side (user, assistant) or its text": 1}
