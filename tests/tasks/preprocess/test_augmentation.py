"""Copies of labelled texts: only of training texts, labels untouched, the same for the same seed."""

import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks.ingest.labelled import SOURCE
from tasks.labelled import LabelledText, read_labelled_texts, write_labelled_texts
from tasks.params import PreprocessParams
from tasks.preprocess.augmentation import augment, augmented

GOOD = ["a warm and funny film", "funny from start to end", "warm, quick and bright"]
BAD = ["a dull and slow film", "slow from start to end", "cold, dull and grey"]


def labelled(**changes: Any) -> list[LabelledText]:
    made = [
        LabelledText(f"s#{label}{n}", SOURCE, "en", text, label=label, split="train")
        for label, texts in (("good", GOOD), ("bad", BAD))
        for n, text in enumerate(texts)
    ]
    return [*made, LabelledText(**{"id": "s#x", "source": SOURCE, "lang": "en", "text": "one two three four", "label": "good", "split": "train", **changes})]  # fmt: skip


def params(**choices: Any) -> PreprocessParams:
    return PreprocessParams.model_validate(
        {"min_characters": 1, "validation_share": 0.1, "test_share": 0.1, "augment": choices}
    )


def copies(texts: list[LabelledText], **choices: Any) -> list[LabelledText]:
    asked = params(**choices)
    assert asked.augment is not None
    return augmented(texts, asked, asked.augment)[0]


def test_each_text_has_copies_by_each_change_with_its_own_label() -> None:
    texts = labelled()
    made = copies(texts, copies=4, replace=0.3, insert=0.3, swap=0.3, delete=0.3)
    label_of = {text.id: text.label for text in texts}
    kinds = Counter()
    for copy in made:
        original, change = copy.id.split("+")
        assert copy.label == label_of[original] and copy.split == "train"
        assert copy.text not in {text.text for text in texts if text.id == original}
        kinds[change] += 1
    # Seven texts, four copies each, less those that came out as they were.
    assert set(kinds) == {"replace0", "insert1", "swap2", "delete3"}
    assert kinds["delete3"] == kinds["insert1"] == 7
    assert made == sorted(made, key=lambda copy: copy.id)


def test_what_is_put_in_stands_in_texts_with_the_same_label() -> None:
    said = {label: set(" ".join(texts).replace(",", "").split()) for label, texts in (("good", GOOD), ("bad", BAD))}  # fmt: skip
    for copy in copies(labelled()[:-1], copies=50, replace=0.5, insert=0.5, swap=0, delete=0):
        assert copy.label and set(copy.text.replace(",", "").split()) <= said[copy.label]


def test_the_same_seed_gives_the_same_copies_in_whatever_order_the_texts_come() -> None:
    texts = labelled()
    one = copies(texts, copies=8, seed=1)
    random.Random(3).shuffle(texts)
    assert copies(texts, copies=8, seed=1) == one
    assert copies(texts, copies=8, seed=2) != one


def test_more_copies_leave_the_first_ones_as_they_are() -> None:
    few, many = (copies(labelled(), copies=number) for number in (4, 8))
    assert set(few) <= set(many)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"split": "validation"}, "validation"),
        ({"split": "test"}, "test"),
        ({"label": None}, "no label"),
        ({"text_pair": "one two"}, "a pair"),
        ({"lang": "ja"}, "language ja"),
        ({"text": "?!"}, "no word"),
    ],
)
def test_what_is_not_to_be_copied_is_counted(changes: dict[str, Any], reason: str) -> None:
    asked = params(copies=4)
    assert asked.augment is not None
    made, report = augmented(labelled(**changes), asked, asked.augment)
    assert report.left_alone == {reason: 1}
    assert made and not any(copy.id.startswith("s#x+") for copy in made)
    assert sum(report.copies.values()) == len(made)


def test_a_training_text_that_is_evaluated_on_is_not_copied_nor_is_one_made_by_a_copy() -> None:
    # "two one three four" can come out of a swap; in the test set, it must not.
    held_out = [
        LabelledText(f"t#{n}", SOURCE, "en", text, label="good", split="test")
        for n, text in enumerate(["two one", "a warm and  funny film"])
    ]
    texts = [*labelled(text="one two"), *held_out]
    asked = params(copies=40, replace=0, insert=0, delete=0, swap=0.5)
    assert asked.augment is not None
    made, report = augmented(texts, asked, asked.augment)
    assert report.left_alone == {"test": 2, "also in validation or test": 1}
    assert not {"two one"} & {copy.text for copy in made}


def test_where_the_file_tells_no_split_the_hash_of_the_text_does() -> None:
    texts = [
        LabelledText(f"s#{n:03d}", SOURCE, "en", f"text number {n} here", label="a")
        for n in range(400)
    ]
    asked = params(copies=1, delete=0.1, replace=0, insert=0, swap=0)
    assert asked.augment is not None
    _, report = augmented(texts, asked, asked.augment)
    # A tenth each; 3 standard deviations of 400 at 0.1 are 18.
    assert report.left_alone["test"] == pytest.approx(40, abs=18)
    assert report.left_alone["validation"] == pytest.approx(40, abs=18)


def test_synonyms_of_the_users_own_take_the_place_of_words(tmp_path: Path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text("Aa01= three drei trois\nunheard unknown\n", encoding="utf-8")
    made = copies(labelled(), copies=1, replace=0.9, synonyms=str(file))
    assert [copy.id for copy in made] == ["s#x+replace0"]  # no other text has a word of these
    assert made[0].text in {"one two drei four", "one two trois four"}


@pytest.mark.parametrize("content", ["", "alone\n", "A= one\n"])
def test_a_file_of_synonyms_without_any_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BadInput, match="has no line with two words"):
        copies(labelled(), synonyms=str(file))
    with pytest.raises(MissingInput, match="preprocess.augment.synonyms names it"):
        copies(labelled(), synonyms=str(tmp_path / "none.txt"))
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(BadInput, match="cannot be read as UTF-8"):
        copies(labelled(), synonyms=str(file))


@pytest.fixture
def translators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_translators.py").write_text(
        "def there_and_back(texts, lang):\n"
        "    return [f'{lang}: {text}' for text in texts]\n"
        "def too_few(texts, lang):\n"
        "    return texts[1:]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_translators", raising=False)


def test_back_translation_is_a_function_of_the_users(translators: None) -> None:
    made = copies(labelled(), copies=0, translate="my_translators:there_and_back")
    assert [(copy.id, copy.text) for copy in made if copy.id.startswith("s#x")] == [
        ("s#x+translate0", "en: one two three four")
    ]
    assert len(made) == 7


def test_a_translator_that_cannot_be_used_is_said_to_be_so(translators: None) -> None:
    with pytest.raises(BadInput, match="7 texts came back as 6"):
        copies(labelled(), translate="my_translators:too_few")
    with pytest.raises(BadParameter, match="my_translators has no function none"):
        copies(labelled(), translate="my_translators:none")
    with pytest.raises(BadParameter, match="not_there cannot be imported"):
        copies(labelled(), translate="not_there:f")
    with pytest.raises(BadParameter, match=r"\.x cannot be imported: TypeError"):
        copies(labelled(), translate=".x:f")


@pytest.mark.parametrize(
    ("written", "said"),
    [("def f(:", "SyntaxError"), ("raise RuntimeError('no key')", "RuntimeError: no key")],
)
def test_a_translator_that_fails_as_it_is_imported_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    (tmp_path / "failing_translator.py").write_text(written)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadParameter, match=f"failing_translator cannot be imported: {said}"):
        copies(labelled(), translate="failing_translator:f")


def test_chinese_reviews_get_copies_of_whole_words(test_data: Path) -> None:
    pytest.importorskip("rjieba")
    lines = (test_data / "zh" / "ChnSentiCorp-dev.tsv").read_text("utf-8").splitlines()[:60]
    texts = [
        LabelledText(f"c#{n:03d}", SOURCE, "zh", line.split("\t")[0], label=line.split("\t")[-1], split="train")
        for n, line in enumerate(lines)
    ]  # fmt: skip
    made = copies(texts, copies=4)
    text_of = {text.id: text.text for text in texts}
    swapped = [copy for copy in made if "+swap" in copy.id]
    assert len(made) > 200 and len(swapped) > 50
    for copy in swapped:
        assert sorted(copy.text) == sorted(text_of[copy.id.split("+")[0]])


def test_on_disk_the_copies_stand_as_labelled_texts_do_and_none_where_none_are_asked_for(
    tmp_path: Path,
) -> None:
    write_labelled_texts(labelled(), tmp_path / "labelled", shard_rows=100)
    for name in ("a", "b"):
        report = augment(tmp_path / "labelled", tmp_path / name, params(copies=2))
        assert report is not None
        assert len(list(read_labelled_texts(tmp_path / name))) == sum(report.copies.values()) > 0
    one, other = (tmp_path / name / "texts" / "part-00000.parquet" for name in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()
    off = params().model_copy(update={"augment": None})
    assert augment(tmp_path / "labelled", tmp_path / "off", off) is None
    assert list(read_labelled_texts(tmp_path / "off")) == []


def test_a_translator_that_fails_when_it_is_called_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "offline_translator.py").write_text(
        "def f(texts, lang):\n    raise ConnectionError('no\\nnetwork.')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadInput) as refusal:
        copies(labelled(), translate="offline_translator:f")
    assert str(refusal.value) == (
        "preprocess.augment.translate, offline_translator:f: failed on 7 texts in en:"
        " ConnectionError: no network."
        " Mend the function, or set preprocess.augment.translate to null."
    )
