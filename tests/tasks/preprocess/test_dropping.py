"""Near duplicates, repeated paragraphs and evaluation texts go, with a reason that names why."""

import json
import random
import unicodedata
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


def run(texts: dict[str, str], folder: Path, lang: str = "en", **choices: Any) -> PreprocessReport:
    found = [Document(name, "folder", "T", text, lang) for name, text in texts.items()]
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


def leaks_of(folder: Path, ordinary: dict[str, str], evaluation: str, **choices: Any) -> list[str]:
    """The documents that go for a text of an evaluation set, which all copies hold word for word."""
    path = folder / "set.jsonl"
    path.write_text(json.dumps({"question": evaluation}), encoding="utf-8")
    copies = {"a/copy": f"{ordinary['m/00']}\n\n{evaluation}\n\n{ordinary['m/01']}"}
    run({**copies, **ordinary}, folder, decontaminate=[str(path)], **choices)
    gone = reasons(folder)
    assert all(reason == f"evaluation text: {path}, line 1" for reason in gone.values())
    return list(gone)


def test_a_leak_is_found_although_its_characters_are_simplified(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    pytest.importorskip("opencc")
    traditional = "這個國家的經濟發展與教育問題在過去幾十年之間產生了很大的變化"
    simplified = "这个国家的经济发展与教育问题在过去几十年之间产生了很大的变化"
    ordinary = {name: f"{text}。{text}" for name, text in ordinary.items()}
    for number, (written, sought) in enumerate(
        [(traditional, traditional), (simplified, traditional), (traditional, simplified)]
    ):
        folder = tmp_path / str(number)
        path = tmp_path / f"{number}.jsonl"
        path.write_text(json.dumps({"question": sought}), encoding="utf-8")
        run(
            {"a/copy": f"他說，{written}。", **ordinary},
            folder,
            lang="zh",
            simplify_chinese=True,
            decontaminate=[str(path)],
        )
        assert list(reasons(folder)) == ["a/copy"]


def test_a_leak_is_found_although_personal_data_is_replaced_in_it(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    # No 13 words in a row without a number or an address.
    text = (
        "Ask +1 212 555 0187 or bob@acme.org for the best deal, +1 212 555 0188 in town,"
        " ann@acme.org for wheels or doors"
    )
    both: dict[str, Any] = {"personal_data": ["phone", "email"]}
    assert leaks_of(tmp_path, ordinary, text, **both) == ["a/copy"]
    assert kept(tmp_path).keys() == ordinary.keys()


def test_a_list_of_numbers_is_no_leak_of_another_list(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    sought, other = (
        " ".join(
            f"please do call this number +1 212 555 {number:04d}"
            for number in range(start, start + 20)
        )
        for start in (100, 200)
    )
    copy = {"a/other": other}
    assert leaks_of(tmp_path, {**copy, **ordinary}, sought, personal_data=["phone"]) == ["a/copy"]


def test_a_leak_is_found_in_whatever_composition_the_set_is_written(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    text = unicodedata.normalize(
        "NFD", "Le café près de la forêt a été fermé après dîner par les élèves énervés"
    )
    assert leaks_of(tmp_path, ordinary, text) == ["a/copy"]


def test_a_leak_is_found_although_filters_take_lines_out_of_it(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    ordinary = {name: f"{text}.\n{text}." for name, text in ordinary.items()}
    text = "who of these\nwould you take\nfor a copy of\na whole tree\nof files and of folders"
    quality = {"c4": {"min_sentences": 0}}
    assert leaks_of(tmp_path, ordinary, text, filters=["c4"], quality=quality) == ["a/copy"]


def test_texts_that_are_equal_without_repeated_paragraphs_stay_once(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    other = "Nothing of this may be copied by those who did not ask."
    texts = {"a/0": f"{ordinary['m/00']}\n\n{NOTICE}\n\n{other}"}
    for name, text in list(ordinary.items())[1:]:
        texts |= {f"{name}a": f"{text}\n\n{NOTICE}", f"{name}b": f"{text[:29].strip()}\n\n{other}"}
        texts |= {f"{name}c": f"{text[:29].strip()}\n\n{NOTICE}"}
    before, after = tmp_path / "before", tmp_path / "after"
    run(texts, before)
    run(texts, after, duplicate_paragraphs=True)
    left = kept(after)
    assert len({text for _, text in left.values()}) == len(left)
    # Of 39 pairs of a notice each and a few words, which are no paragraph, the first stays.
    assert reasons(after) == {
        f"m/{n:02d}c": "duplicate but for repeated paragraphs" for n in range(1, 40)
    }
    rejected = read_table(after / "rejected", REJECTED_SCHEMA).to_pylist()
    assert all(row["text"] == texts[row["id"]] for row in rejected)  # whole
    assert {split for split, _ in left.values()} == {"train", "validation", "test"}
    placed = kept(before)
    assert all(split == placed[name][0] for name, (split, _) in left.items())


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
