"""A leak of an evaluation set is found wherever it stands; ordinary text is left alone."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.preprocess.decontamination import Decontamination, Leak
from tasks.preprocess.evaluation_sets import EvaluationItem, EvaluationSet, read_evaluation_set

ENGLISH = (
    "the of a to in is it for that was on with as be by at from or an this which one were all"
    " there can more if out so up said what about than into them only some could time these two"
).split()
CHINESE = "的一是不了在人有我他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生"
PUNCTUATION = [" ", ", ", ". ", "\n\n", " - ", " (", "\u201d "]

words = st.lists(st.sampled_from(ENGLISH), min_size=13, max_size=60)
characters = st.lists(st.sampled_from(CHINESE), min_size=13, max_size=60)


def cost(leaks: list[Leak | None]) -> Counter[str]:
    return Counter(leak.evaluation_set for leak in leaks if leak)


def evaluation_set(*texts: str) -> EvaluationSet:
    return EvaluationSet("set", [EvaluationItem(f"item {n}", [t]) for n, t in enumerate(texts)])


@given(words, st.data())
def test_any_thirteen_words_in_a_row_are_found_in_any_dress(
    item: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(item) - 13))
    length = data.draw(st.integers(13, len(item)))
    piece = [
        data.draw(st.sampled_from([word, word.upper(), word.title()]))
        + data.draw(st.sampled_from(PUNCTUATION))
        for word in item[start : start + length]
    ]
    before, after = data.draw(st.text(max_size=30)), data.draw(st.text(max_size=30))
    leak = Decontamination([evaluation_set("What?", " ".join(item))]).leaks(
        [f"{before} {''.join(piece)} {after}"]
    )[0]
    assert leak is not None and leak.reason == "evaluation text: set, item 1"


@given(characters, st.data())
def test_any_thirteen_chinese_characters_in_a_row_are_found(
    item: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(item) - 13))
    piece = [c + data.draw(st.sampled_from(["", "，", "。", "\n"])) for c in item[start:][:13]]
    text = data.draw(st.text(max_size=30)) + "".join(piece) + data.draw(st.text(max_size=30))
    assert Decontamination([evaluation_set("".join(item))]).leaks([text])[0] is not None


@given(words, st.integers(0, 12), st.randoms(use_true_random=False))
def test_fewer_words_of_a_long_text_are_not_a_leak(
    item: list[str], length: int, generator: random.Random
) -> None:
    start = generator.randrange(len(item))
    piece = " ".join(item[start : start + length])
    text = f"alpha {piece} omega"  # neither is a word of the item
    assert Decontamination([evaluation_set(" ".join(item))]).leaks([text]) == [None]


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ("who wrote the book about the white whale", True),  # 8 words
        ("who wrote the book about the whale", False),  # 7
        ("谁写了那本关于白鲸的著名小说", True),  # 14 characters
        ("谁写了那本关于白鲸的小说", False),  # 12
        ("os.path.join 与 open 有什么不同之处呢", True),  # 4 words, 9 characters: 4/8 + 9/13 is over 1
        ("json 与 open 有什么不同", False),  # 2 words, 7 characters
        ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", False),  # mostly numbers
        ("in 2019 there were 13 of them and 7 more in 2020 than in 2018", True),
    ],
)  # fmt: skip
def test_short_texts_are_sought_as_a_whole_if_they_say_enough(item: str, found: bool) -> None:
    decontamination = Decontamination([evaluation_set(item)])
    leaks = decontamination.leaks([f"He asked, {item.title()}? So I said."])
    assert (leaks[0] is not None) == found
    report = decontamination.report(cost(leaks))["set"]
    assert (report.items, report.too_short, report.documents) == (1, not found, found)


def test_the_report_counts_by_set_and_the_first_set_is_named() -> None:
    shared = "these words stand in both of the sets and they are more than thirteen words"
    other = "such words stand in the second of the sets only and are thirteen too"
    one = EvaluationSet("one", [EvaluationItem("a", [shared])])
    two = EvaluationSet(
        "two", [EvaluationItem("b", ["Why?"]), EvaluationItem("c", [shared, other])]
    )
    decontamination = Decontamination([one, two])
    leaks = decontamination.leaks([shared, "ordinary", other, f"{other} {shared}"])
    assert [leak and (leak.evaluation_set, leak.item) for leak in leaks] == [
        ("one", "a"), None, ("two", "c"), ("one", "a")
    ]  # fmt: skip
    report = {name: each.model_dump() for name, each in decontamination.report(cost(leaks)).items()}
    assert report == {
        "one": {"items": 1, "too_short": 0, "documents": 2},
        "two": {"items": 2, "too_short": 1, "documents": 1},
    }


def test_without_sets_nothing_is_found() -> None:
    decontamination = Decontamination([])
    assert decontamination.leaks(["any text"]) == [None] and decontamination.report({}) == {}


def test_every_text_of_the_published_sets_is_found_and_other_texts_are_not(
    test_data: Path,
) -> None:
    names = ["code/HumanEval.jsonl.gz", "glue/QNLI/dev.tsv", "glue/MRPC/msr_paraphrase_test.txt",
             "glue/CoLA/dev.tsv", "glue/stsb-zh-dev.csv", "qa/xquad.en.json", "qa/xquad.zh.json",
             "qa/cmrc2018_trial.json"]  # fmt: skip
    sets = [read_evaluation_set(test_data / name) for name in names]
    decontamination = Decontamination(sets)
    reports = decontamination.report({})
    caught = 0
    for each in sets:
        # A planted item: all of its texts, amid a text that is of no set.
        planted = [f"Look: {' / '.join(item.texts)} - so it is." for item in each.items]
        missed = sum(leak is None for leak in decontamination.leaks(planted))
        assert missed <= reports[each.name].too_short
        caught += len(each.items) - missed
    assert caught > 12_000  # of 14,011: the rest are questions and phrases of a few words
    lines = (test_data / "books" / "tinyshakespeare.txt").read_text("utf-8").split("\n\n")
    assert len(lines) > 7_000 and not any(decontamination.leaks(lines))
