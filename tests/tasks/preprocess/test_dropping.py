"""Near duplicates, repeated paragraphs and evaluation texts go, with a reason that names why."""

import random
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.documents import REJECTED_SCHEMA, Document, read_documents, read_table, write_documents
from tasks.params import NearDuplicatesParams, PreprocessParams
from tasks.preprocess.dropping import kind
from tasks.preprocess.preprocess import PreprocessReport, preprocess

WORDS = [f"{a}{b}" for a in ("bar", "dol", "fen", "kip", "lum", "nor") for b in "abcdefghij"]
QUESTION = "which of the many functions here would you take to copy a whole tree of files"
NOTICE = "All rights are reserved by those who reserved them."


def words(seed: int, count: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=count)


def run(texts: dict[str, str], folder: Path, **choices: Any) -> PreprocessReport:
    found = [Document(name, "folder", "T", text, "en") for name, text in texts.items()]
    write_documents(found, folder / "raw")
    params = PreprocessParams(min_characters=10, validation_share=0.3, test_share=0.3, **choices)
    return preprocess(folder / "raw", folder / "clean", folder / "rejected", params)


def kept(folder: Path) -> dict[str, tuple[str, str]]:
    return {
        each.id: (split, each.text)
        for split in ("train", "validation", "test")
        for each in read_documents(folder / "clean" / split)
    }


def reasons(folder: Path) -> dict[str, str]:
    rows = read_table(folder / "rejected", REJECTED_SCHEMA).to_pylist()
    return {row["id"]: row["reason"] for row in rows}


@pytest.fixture
def ordinary() -> dict[str, str]:
    return {f"m/{seed:02d}": " ".join(words(seed)) for seed in range(40)}


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(f'{{"question": "{QUESTION}"}}\n')
    return path


def test_near_duplicates_leave_one_document_in_one_split(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    variants = {}
    for seed in range(40):
        changed = words(seed)
        changed[seed] = "other"  # 5 of 56 shingles: a Jaccard of 51/61
        variants[f"z/{seed:02d}"] = " ".join(changed)
    report = run({**variants, **ordinary}, tmp_path, near_duplicates=NearDuplicatesParams())
    assert set(kept(tmp_path)) == set(ordinary)
    assert report.rejected == {"near duplicate": 40}
    assert reasons(tmp_path) == {f"z/{n:02d}": f"near duplicate: m/{n:02d}" for n in range(40)}
    assert run({**variants, **ordinary}, tmp_path / "off").rejected == {}


def test_documents_that_hold_evaluation_text_are_dropped_and_named(
    tmp_path: Path, ordinary: dict[str, str], questions: Path
) -> None:
    leak = {"a/leak": f"{ordinary['m/03']} {QUESTION.upper()}! {ordinary['m/04']}"}
    report = run({**leak, **ordinary}, tmp_path, decontaminate=[str(questions)])
    assert reasons(tmp_path) == {"a/leak": f"evaluation text: {questions}, line 1"}
    assert report.rejected == {"evaluation text": 1}
    assert report.evaluation_sets[str(questions)].model_dump() == {
        "items": 1, "too_short": 0, "documents": 1,
    }  # fmt: skip


def test_a_leak_does_not_take_its_clean_near_duplicates_along(
    tmp_path: Path, ordinary: dict[str, str], questions: Path
) -> None:
    ordinary["m/07"] = " ".join(words(7, 300))
    leak = {"a/leak": f"{ordinary['m/07']} {QUESTION}"}  # the lowest id of the cluster
    choices = {"near_duplicates": NearDuplicatesParams(), "decontaminate": [str(questions)]}
    run({**leak, **ordinary}, tmp_path, **choices)
    assert set(reasons(tmp_path)) == {"a/leak"} and "m/07" in kept(tmp_path)


def test_repeated_paragraphs_go_and_documents_stay_in_their_split(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    signed = {name: f"{text}\n\n{NOTICE}" for name, text in ordinary.items()}
    signed |= {"x/only": f"{NOTICE}\n\nSee x.", "x/short": "Returns:\n\nNone at all."}
    before, after = tmp_path / "before", tmp_path / "after"
    run(signed, before)
    report = run(signed, after, duplicate_paragraphs=True)
    assert report.repeated_paragraphs == 40
    assert reasons(after) == {"x/only": "repeated paragraphs"}
    texts = kept(after)
    assert sum(NOTICE in text for _, text in texts.values()) == 1
    assert texts["m/09"][1] == ordinary["m/09"]
    splits = {name: split for name, (split, _) in kept(before).items() if name != "x/only"}
    assert {name: split for name, (split, _) in texts.items()} == splits
    rejected = read_table(after / "rejected", REJECTED_SCHEMA).to_pylist()
    assert rejected[0]["text"] == signed["x/only"]  # whole, as it came


def test_an_evaluation_set_that_cannot_be_read_stops_before_the_corpus_is(tmp_path: Path) -> None:
    (tmp_path / "odd.jsonl").write_text('{"completion": "x"}')
    for name, error in [("no.jsonl", MissingInput), ("odd.jsonl", BadInput)]:
        params = PreprocessParams(
            min_characters=1, validation_share=0, test_share=0, decontaminate=[str(tmp_path / name)]
        )
        with pytest.raises(error, match=name):
            preprocess(tmp_path / "none", tmp_path / "clean", tmp_path / "rejected", params)


def test_only_what_a_reason_names_is_left_out_of_its_kind() -> None:
    assert kind("evaluation text: a: b.tsv, line 3") == "evaluation text"
    assert kind("gopher: too many lines") == "gopher: too many lines"
