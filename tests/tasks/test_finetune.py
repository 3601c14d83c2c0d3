"""The finetune stage: what is learnt from, what counts, what comes out."""

import json
from itertools import cycle
from pathlib import Path

import pytest

from model.hf import load_pretrained
from model.rows import Rows
from model.tokenizer import ChatTokenizer
from tasks.documents import Dialogue, Document, read_dialogues, write_dialogues
from tasks.finetune import chat
from tasks.finetune.chat import Finetuned, finetune, reply
from tasks.finetune.conversations import (
    document_questions,
    introductions,
    mixture,
    small_talk,
    without_evaluated,
)
from tasks.params_training import FinetuneParams, ModelParams, PretrainParams
from tasks.preprocess.evaluation_sets import EvaluationItem, EvaluationSet
from tasks.pretrain import pretrain


def dialogue(number: int, *said: str) -> Dialogue:
    messages = [
        {"role": role, "content": text}
        for role, text in zip(cycle(("user", "assistant")), said, strict=False)
    ]
    return Dialogue(id=f"d/{number}", source="d", lang="en", category="c", messages=messages)


def conversation(name: str) -> list[dict[str, str]]:
    return dialogue(0, name, name).messages


def encoded(some: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Ten tokens that say which conversation it was."""
    return [int(some[0]["content"])] * 10, [True] * 10


@pytest.fixture(scope="module")
def base(tiny_line: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    pretrain(
        tiny_line / "tokens",
        tiny_line / "tokenizer",
        folder,
        tmp_path_factory.mktemp("work"),
        PretrainParams(tokens=20 * 256, batch_size=4, learning_rate=0.01),
        ModelParams(size="tiny", hidden_size=64, num_layers=2, num_heads=2),
        seed=1,
    )
    return folder


def tuned(line: Path, base: Path, folder: Path, **choices: object) -> Finetuned:
    (folder / "work").mkdir(parents=True)
    params = FinetuneParams(
        **{"tokens": 12_000, "batch_size": 8, "learning_rate": 0.01} | choices  # type: ignore[arg-type]
    )
    return finetune(
        line / "clean" / "train",
        line / "dialogues",
        base,
        folder / "chat",
        folder / "work",
        params,
        seed=1,
    )


def test_dialogues_with_text_of_an_evaluation_set_are_left_out_and_counted() -> None:
    item = "how many stars are there in the night sky above the old town tonight"
    chinese = "请问今天晚上的天空中一共可以看见多少颗星星"
    sets = [
        EvaluationSet("a.jsonl", [EvaluationItem("1", [item])]),
        EvaluationSet("b.jsonl", [EvaluationItem("1", [chinese])]),
    ]
    clean = dialogue(1, "How many stars are there?", "Very many.")
    leaks = [
        dialogue(2, "Tell me.", f"You ask: {item.upper()}?", "Yes.", "Many."),
        dialogue(3, f"你好，{chinese}？", "很多。"),
        dialogue(4, item, "Many."),
    ]
    assert without_evaluated([clean, *leaks], sets) == ([clean], {"a.jsonl": 2, "b.jsonl": 1})
    assert without_evaluated([clean], []) == ([clean], {})


def test_a_planted_leak_is_told_by_the_run_that_leaves_it_out(
    tiny_line: Path, base: Path, tmp_path: Path
) -> None:
    item = "how many stars are there in the night sky above the old town tonight"
    asked = tmp_path / "asked.jsonl"
    asked.write_text(json.dumps({"id": "1", "question": item}), encoding="utf-8")
    planted = [*read_dialogues(tiny_line / "dialogues"), dialogue(1, f"So {item}?", "Many.")]
    write_dialogues(planted, tmp_path / "dialogues")
    (tmp_path / "work").mkdir()
    lines: list[str] = []
    result = finetune(
        tiny_line / "clean" / "train",
        tmp_path / "dialogues",
        base,
        tmp_path / "chat",
        tmp_path / "work",
        FinetuneParams(tokens=2_000, batch_size=4, learning_rate=0.01),
        seed=1,
        evaluated=[asked],
        say=lines.append,
    )
    assert result.report.evaluation_text == {str(asked): 1}
    assert f"dialogues that hold evaluation text of {asked}, left out: 1" in lines


def test_repeated_and_broken_dialogues_and_other_greetings_are_left_out() -> None:
    kept = small_talk(
        [
            dialogue(1, "Do you like tea?", "Yes."),
            dialogue(2, "Do you like tea?", "Yes."),
            dialogue(3, "I", "n", "", "a"),
            dialogue(4, "HELLO!!", "Leave me alone."),
            dialogue(5, "Do you like tea?", "No."),
        ]
    )
    assert [talk[1]["content"] for talk in kept] == ["Yes.", "No."]


def test_introductions_answer_the_greetings_in_both_languages() -> None:
    answers = {talk[0]["content"]: talk[1]["content"] for talk in introductions()}
    for question in ("hello", "Hi", "How are you?", "你好", "你是谁？"):
        assert answers[question]
    assert "Chatwright" in answers["Who are you?"] and "Chatwright" in answers["你是谁？"]


def test_questions_come_from_titled_documents() -> None:
    document = Document(
        id="folder/tea", source="folder", title="tea", text="Tea is a drink of leaves.", lang="en"
    )
    asked = document_questions([document])
    assert asked and all(talk[-1]["content"] == "Tea is a drink of leaves." for talk in asked)


def test_the_mixture_fills_each_share_repeating_what_is_too_small() -> None:
    pools = [(0.75, [conversation("1"), conversation("2")]), (0.25, [conversation("3")] * 500)]
    chosen = [ids[0] for ids, _ in mixture(pools, 2000, encoded, seed=1)]
    assert len(chosen) == 200
    assert [chosen.count(number) for number in (1, 2, 3)] == [75, 75, 50]
    # Mixed, not one after the other.
    assert 5 < chosen[:50].count(3) < 20


def test_an_empty_pool_leaves_its_share_to_the_others() -> None:
    chosen = mixture([(0.9, []), (0.1, [conversation("1")])], 500, encoded, seed=1)
    assert len(chosen) == 50


def test_another_seed_gives_another_order() -> None:
    pool = [(1.0, [conversation(str(n)) for n in range(50)])]
    orders = [[ids[0] for ids, _ in mixture(pool, 500, encoded, seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_only_the_assistants_words_and_the_end_of_its_turn_count(
    tiny_line: Path, base: Path, tmp_path: Path
) -> None:
    tuned(tiny_line, base, tmp_path, tokens=2048)
    tokenizer = ChatTokenizer.load(base)
    path = tmp_path / "work" / "rows.arrow"
    rows = Rows(path).take(range(len(Rows(path))))
    answers = {talk[1]["content"] for talk in introductions()} | {"Cake is fine."}
    learnt: list[list[int]] = [[]]
    for ids, marks in zip(rows["input_ids"].tolist(), rows["is_answer"].tolist(), strict=True):
        for token, mark in zip(ids, marks, strict=True):
            if mark:
                learnt[-1].append(token)
            elif learnt[-1]:
                learnt.append([])
    whole = [ids for ids in learnt if ids and ids[-1] == tokenizer.end_of_turn_id]
    said = [tokenizer.decode(ids) for ids in whole]
    assert len(said) > 5
    assert sum(text in answers for text in said) >= len(said) / 3
    assert not any("<|im_start|>" in text or "user\n" in text for text in said)


@pytest.mark.slow
def test_the_chat_model_greets_and_stops(tiny_line: Path, base: Path, tmp_path: Path) -> None:
    result = tuned(
        tiny_line, base, tmp_path, tokens=120_000, small_talk_share=1.0, learning_rate=0.02
    )
    model, ids = load_pretrained(tmp_path / "chat"), ChatTokenizer.load(tmp_path / "chat")
    expected = {talk[0]["content"]: talk[1]["content"] for talk in introductions()}
    # A model of 60,000 parameters may take one greeting for another.
    assert reply(model, ids, "hello") in expected.values()
    assert reply(model, ids, "你好") in expected.values()
    assert result.samples.count("\n") == 5
    assert result.report.loss < 1


def test_without_dialogues_or_documents_the_introductions_remain(
    tiny_line: Path, base: Path, tmp_path: Path
) -> None:
    result = tuned(tiny_line, base, tmp_path, tokens=2048, small_talk_share=0.0)
    assert result.report.conversations > 0


def test_the_same_choices_give_the_same_bytes(tiny_line: Path, base: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        tuned(tiny_line, base, tmp_path / name, tokens=2048)
    a, b = ((tmp_path / n / "chat" / "model.safetensors").read_bytes() for n in "ab")
    assert a == b


def test_of_a_large_corpus_a_part_is_learnt_from(
    tiny_line: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tuned(tiny_line, base, tmp_path / "whole", tokens=2048).report
    monkeypatch.setattr(chat, "MOST_BYTES", 40)
    longer = tuned(tiny_line, base, tmp_path / "longer", tokens=2048).report
    assert longer.documents_questions == whole.documents_questions, "the run needs so much"
    monkeypatch.setattr(chat, "MOST_BYTES_A_TOKEN", 1)
    part = tuned(tiny_line, base, tmp_path / "part", tokens=2048).report
    # 40 documents of about 430 bytes: 2,048 are a hundred of each of 20.
    assert 0 < part.documents_questions <= whole.documents_questions / 2
    assert part.conversations > whole.conversations / 2
