"""Conversations in the shapes in which they are published."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import BadInput
from tasks.documents import Dialogue
from tasks.ingest.chat import chat
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams


def read(path: Path, left_out: LeftOut | None = None) -> list[Dialogue]:
    limits = FolderParams(path=str(path.parent))
    return list(chat(NamedFiles("chat", [str(path)], limits), left_out or LeftOut()))


def said(dialogue: Dialogue) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in dialogue.messages]


HI = [("user", "Hi"), ("assistant", "Hello")]
TREE = {
    "text": "Hi",
    "role": "prompter",
    "lang": "en",
    "replies": [
        {"text": "What?", "role": "assistant", "rank": 1, "replies": []},
        {"text": "Spam", "role": "assistant", "rank": 0, "deleted": True, "replies": []},
        {"text": "Hello", "role": "assistant", "rank": 0, "replies": [
            {"text": "And?", "role": "prompter", "replies": []}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Hello "}]}, HI),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Hello"}]}, HI),
        ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}, HI),
        ({"conversations": [{"from": "human", "value": "Hi"}], "chosen": {"from": "gpt", "value": "Hello"}, "rejected": {"from": "gpt", "value": "Go"}}, HI),
        ({"instruction": "Hi", "input": "", "output": "Hello"}, HI),
        ({"instruction": "Add", "input": "1, 2", "output": "3", "system": "Sum"}, [("system", "Sum"), ("user", "Add\n1, 2"), ("assistant", "3")]),
        ({"instruction": "Bye", "output": "Bye", "history": [["Hi", "Hello"]]}, [*HI, ("user", "Bye"), ("assistant", "Bye")]),
        ({"message_tree_id": "x", "prompt": TREE}, HI),
        (TREE, HI),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_each_shape_gives_the_same_messages(
    tmp_path: Path, name: str, record: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    text = json.dumps(record) if name == "x.jsonl" else json.dumps([record], indent=1)
    (tmp_path / name).write_text(text)
    (dialogue,) = read(tmp_path / name)
    assert (dialogue.id, said(dialogue)) == (f"chat/{name}#1", expected)


def test_messages_of_a_tree_that_are_not_taken_are_counted(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(TREE))
    left_out = LeftOut()
    read(tmp_path / "x.jsonl", left_out)
    # "What?" and "Spam" are other replies; "And?" has none.
    assert left_out.counts == {"message beside the conversation taken": 3}


def test_chatterbot_yaml(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(
        "categories:\n- ai\nconversations:\n- - 你好\n  - 你好，请问有什么事？\n"
    )
    (dialogue,) = read(tmp_path / "x.yml")
    assert (said(dialogue), dialogue.lang) == (
        [("user", "你好"), ("assistant", "你好，请问有什么事？")],
        "zh",
    )


def test_what_cannot_be_learnt_from_is_counted_by_reason(tmp_path: Path) -> None:
    def talk(*pairs: tuple[str, str], **more: Any) -> dict[str, Any]:
        return {"messages": [{"role": role, "content": text} for role, text in pairs], **more}

    records = [
        talk(*HI),
        talk(("user", "Weather?"), ("tool", "{}"), ("assistant", "Rain")),
        talk(*HI, label=False),
        talk(("user", "Hi"), ("user", "Anyone?"), ("assistant", "Yes")),
        talk(("user", "Hi")),
        talk(("user", "Hi"), ("assistant", "")),
    ]
    (tmp_path / "x.json").write_text(json.dumps(records))
    left_out = LeftOut()
    assert [said(each) for each in read(tmp_path / "x.json", left_out)] == [HI]
    assert left_out.counts == {
        "conversation with tools or pictures": 1,
        "conversation marked as bad": 1,
        "one side speaks twice in a row": 1,
        "conversation without an assistant's reply": 1,
        "conversation with an empty message": 1,
    }


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("x.jsonl", '{"chosen": "a", "rejected": "b"}', "record 1 holds chosen, rejected"),
        ("x.json", "[3]", "record 1 is a int"),
        ("x.yml", "greetings: [hi]", "it holds no conversations"),
    ],
)
def test_unknown_shape_names_the_file(tmp_path: Path, name: str, content: str, what: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(
        BadInput, match=rf"^{name}: is in no shape known here: {what}\. Known are OpenAI"
    ):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.yml"])
def test_files_that_are_no_text_or_broken_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x89PNG" + bytes(1000))
    left_out = LeftOut()
    assert read(tmp_path / name, left_out) == []
    assert left_out.counts == {"is not text: it is full of zero bytes": 1}


def test_array_larger_than_what_is_read_at_once(tmp_path: Path) -> None:
    records = [{"instruction": f"{n} " + "x" * 2_000, "output": "好" * 100} for n in range(1_500)]
    (tmp_path / "x.json").write_text(json.dumps(records, ensure_ascii=False))  # 3.5 MB
    assert [each.messages[0]["content"].split()[0] for each in read(tmp_path / "x.json")] == [
        str(n) for n in range(1_500)
    ]


# Conversations as SOURCES.md counts them.
@pytest.mark.parametrize(
    ("name", "number", "lang"),
    [
        ("alpaca_en_demo.json", 999, "en"),
        ("alpaca_zh_demo.json", 1000, "zh"),
        ("sharegpt_dummy_conversation.json", 500, "en"),
        ("v1_sft_demo.jsonl", 500, "en"),
        ("medical_sft_1K.jsonl", 1000, "zh"),
        ("oasst_en_100_tree.jsonl", 100, "en"),
        ("oasst_en_100_message.jsonl", 100, "en"),
        ("dpo_zh_demo.json", 300, "zh"),
        ("kto_en_demo.json", 150, "en"),  # the other 150 are marked as bad
        ("chatterbot-corpus-en-zh.tar.gz", 2492, "en"),  # of 2,493, one is no list
    ],
)
def test_real_conversations(test_data: Path, name: str, number: int, lang: str) -> None:
    found = read(test_data / "chat" / name)
    assert len(found) == number
    assert sum(each.lang == lang for each in found) > number / 2
    for each in found:
        roles = [message["role"] for message in each.messages if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in each.messages)


@pytest.mark.parametrize("content", [b"", b" \n\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.yml"])
def test_an_empty_file_is_called_empty(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    left_out = LeftOut()
    assert read(tmp_path / name, left_out) == []
    assert (left_out.counts, left_out.named) == ({"is empty": 1}, [f"{name}: is empty"])


def test_a_compressed_file_that_is_cut_at_once_is_not_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"[{}]")[:11])
    left_out = LeftOut()
    assert read(tmp_path / "a.json.gz", left_out) == []
    assert list(left_out.counts) == ["cut off or damaged: at most what comes before could be read"]
