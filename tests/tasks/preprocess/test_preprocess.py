"""Clean, without duplicates, and split so that no document ever moves."""

import hashlib
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatwright.errors import CorpusTooSmall
from tasks.documents import REJECTED_SCHEMA, Document, read_documents, read_table, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.cleaning import clean, content_hash
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tasks.preprocess.splits import own_splits, split_of, splits_of

PARAMS = PreprocessParams(min_characters=10, validation_share=0.1, test_share=0.2)


def documents(*texts: str) -> list[Document]:
    return [
        Document(id=f"folder/{n:04d}.txt", source="folder", title=f"T{n}", text=text, lang="en")
        for n, text in enumerate(texts)
    ]


def filler(count: int) -> list[str]:
    return [f"This is the text of document number {number}." for number in range(count)]


def run(found: list[Document], folder: Path, params: PreprocessParams = PARAMS) -> PreprocessReport:
    write_documents(found, folder / "raw" / "folder")
    return preprocess(folder / "raw", folder / "clean", folder / "rejected", params)


def places(folder: Path) -> dict[str, str]:
    return {
        each.id: split
        for split in ("train", "validation", "test")
        for each in read_documents(folder / "clean" / split)
    }


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("one \t\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\n\n\n\n\n\nb", "a\n\n\nb"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("e\u0301", "\u00e9"),  # NFC: e with a combining acute is é
        ("bell\x07 \x00null\ufeff", "bell null"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("  indented\n    code\n\n", "  indented\n    code"),
        ("中文。\u2028第二行", "中文。\n第二行"),
        (" \n \n", ""),
    ],
)
def test_text_is_brought_into_one_form(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in once)


@given(st.text(min_size=1))
def test_split_depends_on_the_words_alone(text: str) -> None:
    spread = "\n ".join(text.split())
    assert split_of(content_hash(text), PARAMS) == split_of(content_hash(spread), PARAMS)


def test_split_is_the_hash_as_a_share() -> None:
    # Worked out from the definition: the first 8 bytes of the SHA-256, read as a fraction of 1.
    for text in filler(200):
        fraction = int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) / 16**16
        expected = "test" if fraction < 0.2 else "validation" if fraction < 0.3 else "train"
        assert split_of(content_hash(text), PARAMS) == expected


def test_shares_are_about_what_was_asked_for(tmp_path: Path) -> None:
    # 2,000 draws at 0.2 and 0.1: five standard deviations are 90 and 67.
    report = run(documents(*filler(2_000)), tmp_path)
    assert abs(report.documents["test"] - 400) < 90
    assert abs(report.documents["validation"] - 200) < 67
    assert sum(report.documents.values()) == 2_000


def test_no_document_moves_when_the_corpus_grows(tmp_path: Path) -> None:
    run(documents(*filler(100)), tmp_path / "small")
    run(documents(*filler(300)), tmp_path / "large")
    small, large = places(tmp_path / "small"), places(tmp_path / "large")
    assert len(small) == 100 and small.items() <= large.items()


def test_rejected_documents_are_kept_aside_with_the_reason(tmp_path: Path) -> None:
    texts = [*filler(100), "short", "\x07\n", filler(100)[3] + "  \n"]
    report = run(documents(*texts), tmp_path)
    assert report.rejected == {"too short": 1, "empty": 1, "duplicate": 1}
    rejected = read_table(tmp_path / "rejected", REJECTED_SCHEMA).to_pylist()
    assert {row["id"]: row["reason"] for row in rejected} == {
        "folder/0100.txt": "too short",
        "folder/0101.txt": "empty",
        "folder/0102.txt": "duplicate",
    }
    assert "folder/0003.txt" in places(tmp_path)


def test_equal_documents_are_one_whatever_their_white_space(tmp_path: Path) -> None:
    twin = filler(100)[7].replace(" ", "\n")
    report = run([*documents(*filler(100)), Document("a/0", "a", "T", twin, "en")], tmp_path)
    assert report.rejected == {"duplicate": 1}
    found = places(tmp_path)
    assert "a/0" in found and "folder/0007.txt" not in found  # the lowest id stays


def test_report_adds_up(tmp_path: Path) -> None:
    report = run(documents(*filler(99), "四十个汉字" * 8), tmp_path)
    kept = sorted(
        (each for split in report.documents for each in read_documents(tmp_path / "clean" / split)),
        key=lambda each: each.id,
    )
    assert sum(report.characters.values()) == sum(len(each.text) for each in kept)
    assert sum(report.bytes.values()) == sum(len(each.text.encode()) for each in kept)
    each_one = (hashlib.sha256(f"{each.id}\0{each.text}".encode()).digest() for each in kept)
    assert report.corpus_sha256 == hashlib.sha256(b"".join(each_one)).hexdigest()


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    found = documents(*filler(150), "x")
    assert run(found, tmp_path / "1") == run(list(reversed(found)), tmp_path / "2")
    for folder in ("clean", "rejected"):
        first, second = (
            {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n / folder).rglob("*")
             if p.is_file()}
            for n in "12"
        )  # fmt: skip
        assert list(first.values()) == list(second.values()) and first


def test_a_handful_of_documents_fills_every_split(tmp_path: Path) -> None:
    # By their hashes all three of these fall into train.
    texts = [t for t in filler(100) if split_of(content_hash(t), PARAMS) == "train"][:3]
    report = run(documents(*texts), tmp_path)
    assert report.documents == {"train": 1, "validation": 1, "test": 1} and report.stand_ins == 2
    in_test = {each.text for each in read_documents(tmp_path / "clean" / "validation")}
    assert in_test == {min(texts, key=content_hash)}, "the nearest by its hash"
    alone = PreprocessParams(min_characters=1, validation_share=0, test_share=0)
    assert run(documents(*texts), tmp_path, alone).documents["train"] == 3


def test_fewer_documents_than_splits_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusTooSmall, match=r"left, 2 of 2, are too few.*set preprocess\.validation_share to 0"
    ):
        run(documents(*filler(2)), tmp_path)


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=3, max_size=12, unique=True))
def test_no_split_is_empty_and_none_moves_without_need(digests: list[bytes]) -> None:
    splits, stand_ins = splits_of(np.array(digests, "S16"), PARAMS)
    own = own_splits(np.array(digests, "S16"), PARAMS)
    assert set(splits.tolist()) == {0, 1, 2}
    assert (splits != own).sum() == stand_ins == 3 - len(set(own.tolist()))


def test_nothing_at_all_is_too_small(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(CorpusTooSmall, match="there is no document"):
        preprocess(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejected", PARAMS)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ValueError, match="leave nothing to train on"):
        PreprocessParams(min_characters=1, validation_share=0.5, test_share=0.5)
