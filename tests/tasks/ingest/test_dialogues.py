"""Small talk: real conversations in, broken ones counted."""

from pathlib import Path

from tasks.ingest.dialogues import dialogues
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import DialoguesParams


def test_real_corpus_has_both_languages_and_alternating_roles() -> None:
    found = list(dialogues(DialoguesParams(), LeftOut()))
    assert {each.lang for each in found} == {"en", "zh"} and len(found) > 1_000
    assert len({each.id for each in found}) == len(found)
    for each in found:
        roles = [message["role"] for message in each.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in each.messages)
    greetings = [d.messages[0]["content"] for d in found if d.category == "greetings"]
    assert "你好" in greetings and "Hello" in greetings


def test_categories_and_languages_that_are_not_wanted_stay_out() -> None:
    left_out = LeftOut()
    params = DialoguesParams(languages=["english"], without=["psychology", "trivia"])
    found = list(dialogues(params, left_out))
    assert {each.lang for each in found} == {"en"}
    assert {each.category for each in found} & {"psychology", "trivia"} == set()
    assert left_out.counts["category not wanted: trivia"] == 1


def test_broken_doubled_and_unanswered_conversations_are_counted(tmp_path: Path) -> None:
    (tmp_path / "english").mkdir()
    (tmp_path / "english" / "talk.yml").write_text(
        "categories: [talk]\n"
        "conversations:\n"
        "- [Hello,   'Hi\n\n  there']\n"
        "- [Hello, 'Hi\n\n  there']\n"
        "- [How are you, Fine, And me]\n"
        "- [Alone]\n"
        "- {not: a list}\n"
        "- [Why, {because: of}]\n"
        "- [2, 4]\n",
        encoding="utf-8",
    )
    (tmp_path / "english" / "torn.yml").write_text("conversations: [", encoding="utf-8")
    left_out = LeftOut()
    found = list(dialogues(DialoguesParams(languages=["english"]), left_out, data=tmp_path))
    assert [[m["content"] for m in each.messages] for each in found] == [
        ["Hello", "Hi there"],
        ["How are you", "Fine"],
        ["2", "4"],
    ]
    assert left_out.counts == {
        "same conversation twice": 1,
        "last turn without a reply": 2,
        "broken conversation": 2,
        "file cannot be parsed": 1,
    }
    assert left_out.named[:4] == [
        "en/talk.yml, conversation 2: same conversation twice",
        "en/talk.yml, conversation 3: last turn without a reply",
        "en/talk.yml, conversation 5: broken conversation",
        "en/torn.yml: file cannot be parsed",
    ]
