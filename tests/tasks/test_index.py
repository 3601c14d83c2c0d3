"""The stage index: what it writes, that it writes the same bytes again, what bad input gets."""

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput, CorpusTooSmall, MissingInput
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.index import IndexReport, index, split_compound
from tasks.params import IndexParams

PARAMS = IndexParams(passage_characters=200, min_score=0.3)


def document(name: str, text: str) -> Document:
    return Document(f"folder/{name}", "folder", name, text, "en", url=f"https://example.org/{name}")


def corpus(folder: Path) -> tuple[Path, Path]:
    write_documents([document("zebra.txt", "Zebras have stripes.")], folder / "clean/train")
    long = "\n\n".join(f"Paragraph {n} tells of an elephant at length." for n in range(12))
    write_documents([document("elephant.txt", long)], folder / "clean/validation")
    write_documents([document("ant.txt", "Ants are small.")], folder / "clean/test")
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    write_dialogues([Dialogue("d/0", "d", "en", "greetings", turns)], folder / "dialogues")
    return folder / "clean", folder / "dialogues"


def test_all_splits_are_indexed_and_long_documents_cut(tmp_path: Path) -> None:
    report = index(*corpus(tmp_path), tmp_path / "out", PARAMS)
    rows = pq.read_table(tmp_path / "out/passages.parquet").to_pylist()
    pieces = Counter(row["document_id"] for row in rows)
    # Each of the 12 paragraphs has 45 or 46 characters; with the blank lines between, four fit 200.
    assert pieces == {"folder/ant.txt": 1, "folder/elephant.txt": 3, "folder/zebra.txt": 1}
    assert [row["document_id"] for row in rows] == sorted(row["document_id"] for row in rows)
    assert all(len(row["text"]) <= PARAMS.passage_characters for row in rows)
    assert rows[0]["url"] == "https://example.org/ant.txt"
    assert report == IndexReport(
        documents=3, passages=5, terms=report.terms, dialogues=1, bytes=report.bytes
    )


def test_the_same_corpus_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = corpus(tmp_path)
    digests = []
    for out in (tmp_path / "one", tmp_path / "two"):
        index(*paths, out, PARAMS)
        digests.append(
            {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
        )
    assert digests[0] == digests[1]
    assert len(digests[0]) > 5


def test_nothing_is_pickled(tmp_path: Path) -> None:
    index(*corpus(tmp_path), tmp_path / "out", PARAMS)
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".npy", ".parquet"}
    for path in (tmp_path / "out").glob("*.npy"):
        np.load(path, allow_pickle=False)


def test_only_dialogues_that_begin_with_a_user_are_small_talk(tmp_path: Path) -> None:
    clean, _ = corpus(tmp_path)
    system = {"role": "system", "content": "Be kind."}
    hi, hello = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}
    talk = [[system, hi, hello], [hello, hi], [hi]]
    write_dialogues(
        [Dialogue(f"d/{n}", "d", "en", "x", messages) for n, messages in enumerate(talk)],
        tmp_path / "talk",
    )
    index(clean, tmp_path / "talk", tmp_path / "out", PARAMS)
    rows = pq.read_table(tmp_path / "out/small_talk.parquet").to_pylist()
    assert [(row["prompt"], row["answer"]) for row in rows] == [("Hi", "Hello.")]


def test_progress_reaches_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[float, float | None]] = []
    index(
        *corpus(tmp_path), tmp_path / "out", PARAMS,
        progress=lambda done, total, unit="", **figures: seen.append((done, total)),
    )  # fmt: skip
    assert seen[-1] == (3, 3)


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    write_documents([], tmp_path / "clean/train")
    write_dialogues([], tmp_path / "dialogues")
    with pytest.raises(CorpusTooSmall, match="no document"):
        index(tmp_path / "clean", tmp_path / "dialogues", tmp_path / "out", PARAMS)


def test_missing_dialogues_and_corrupt_documents_are_named(tmp_path: Path) -> None:
    clean, dialogues = corpus(tmp_path)
    with pytest.raises(MissingInput, match="nowhere"):
        index(clean, tmp_path / "nowhere", tmp_path / "out", PARAMS)
    (clean / "train/part-00000.parquet").write_bytes(b"not parquet")
    with pytest.raises(BadInput, match="part-00000.parquet"):
        index(clean, dialogues, tmp_path / "out", PARAMS)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("copytree", ["copy", "tree"]),
        ("string", []),  # "str" and "ing" are no two words: the prose says "string" far more often
        ("rmtree", ["rm", "tree"]),
        ("zzyzx", []),
    ],
)
def test_a_name_is_split_where_two_words_of_the_corpus_meet(word: str, parts: list[str]) -> None:
    counts = Counter({"copy": 40, "tree": 30, "copytree": 2, "string": 90, "ing": 1})
    assert split_compound(word, counts) == parts
