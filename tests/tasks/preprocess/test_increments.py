"""What is kept of a corpus spares work and never changes a result: the work is counted here."""

import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput
from tasks import program
from tasks.documents import Document, read_documents, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess import raw_documents
from tasks.preprocess.preprocess import PreprocessReport, preprocess

WORDS = [f"{a}{b}" for a in ("bar", "dol", "fen", "kip", "lum", "nor") for b in "abcdefghij"]
NOTICE = "All rights are reserved by those who reserved them."
CHOICES: dict[str, Any] = {"min_characters": 10, "validation_share": 0.1, "test_share": 0.1}
ALL: dict[str, Any] = {
    **CHOICES,
    "personal_data": ["email"],
    "duplicate_paragraphs": True,
    "near_duplicates": {},
}
MANY = 600


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_documents, "CHUNK_BYTES", 10_000)


def text(seed: int) -> str:
    """Some words, every tenth time with a notice, every seventh the words of another."""
    chance = random.Random(seed - seed % 7 // 6)
    lines = [" ".join(chance.choices(WORDS, k=12)) for _ in range(5)]
    lines[seed % 5] += f" {seed}@corp{seed}.org" if seed % 7 == 6 else " end"
    return "\n\n".join([*lines, NOTICE] if seed % 10 == 0 else lines)


def documents(start: int, stop: int, source: str = "m") -> list[Document]:
    return [
        Document(f"{source}/{n * 7919 % 10_007:05d}", source, f"T{n}", text(n), "en")
        for n in range(start, stop)
    ]


class Corpus:
    """Raw documents and what is kept of them, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_documents(documents(0, MANY), folder / "raw" / "m")

    def add(self, found: list[Document], name: str) -> None:
        write_documents(found, self.folder / "raw" / name)

    def run(self, **choices: Any) -> PreprocessReport:
        """With what is kept; the same bytes come from nothing at all, which is looked at."""
        params = PreprocessParams.model_validate({**CHOICES, **choices})
        of = self.folder
        report = preprocess(of / "raw", of / "clean", of / "rejected", params, kept=of / "kept")
        fresh = preprocess(of / "raw", of / "fresh/clean", of / "fresh/rejected", params)
        assert report.model_dump() == fresh.model_dump()
        for name in ("clean", "rejected"):
            assert contents(of / name) == contents(of / "fresh" / name)
        shutil.rmtree(of / "fresh")
        return report


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.parquet")}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def test_the_same_again_is_no_work(corpus: Corpus) -> None:
    first = corpus.run(**ALL).work
    assert first.chunks > 10 and first.kept == 0 and first.made["formed"] == first.chunks
    again = corpus.run(**ALL).work
    assert again.kept == again.chunks == first.chunks and again.made == {}
    assert str(again) == f"kept {first.chunks} of {first.chunks} chunks"


def test_new_documents_that_stand_together_are_the_work_there_is(corpus: Corpus) -> None:
    before = corpus.run().work.chunks
    corpus.add(documents(1000, 1006, "z"), "z")
    work = corpus.run().work
    # All chunks but the last, which goes on, are the same.
    assert work.kept == before - 1 and work.chunks - work.kept <= 2
    assert work.new_documents <= 6


@pytest.mark.parametrize("choices", [CHOICES, ALL])
def test_scattered_new_documents_are_the_work_there_is(
    corpus: Corpus, choices: dict[str, Any]
) -> None:
    corpus.run(**choices)
    corpus.add(documents(MANY, MANY + 10), "later")
    work = corpus.run(**choices).work
    assert work.mended > 5 and work.new_documents == 10
    assert not {"rows", "formed", "worth", "paragraphs"} & {*work.made}


def test_documents_that_change_or_go_leave_the_others_as_they_were(corpus: Corpus) -> None:
    corpus.run()
    found = list(read_documents(corpus.folder / "raw" / "m"))
    found[7] = Document(found[7].id, "m", "T", "Another text stands here now.", "en")
    corpus.add([*found[:300], *found[305:]], "m")
    work = corpus.run().work
    assert work.new_documents == 1 and work.kept + work.mended == work.chunks


def test_one_filter_changed_does_not_bring_texts_into_form_again(corpus: Corpus) -> None:
    first = corpus.run(filters=["fineweb"], near_duplicates={}).work
    every = first.chunks
    limits = {"fineweb": {"short_lines": 0.5}}
    assert corpus.run(filters=["fineweb"], near_duplicates={}, quality=limits).work.made == {
        "worth": every,
        "keys": every,
    }
    # The limits of a filter that is off decide nothing, nor do numbers that are only compared with.
    other = {**limits, "c4": {"min_sentences": 9}}
    assert corpus.run(
        filters=["fineweb"], near_duplicates={"jaccard": 0.7}, quality=other, test_share=0.2
    ).work.made == {}  # fmt: skip
    assert corpus.run(
        filters=["fineweb"], near_duplicates={"shingle": 4}, quality=other
    ).work.made == {"keys": every}  # fmt: skip


def test_another_form_is_another_text(corpus: Corpus) -> None:
    every = corpus.run(near_duplicates={}).work.chunks
    work = corpus.run(near_duplicates={}, personal_data=["email"]).work
    assert work.made == {"formed": every, "worth": every, "keys": every}


def test_other_evaluation_sets_and_samples_under_the_same_name_are_noticed(corpus: Corpus) -> None:
    asked, good, bad = (corpus.folder / name for name in ("asked.jsonl", "good.txt", "bad.txt"))
    asked.write_text('{"question": "which of the many words here would you take out"}\n')
    good.write_text("\n".join(text(n).replace("\n", " ") for n in range(30)))
    bad.write_text("\n".join(f"Click number {n} and win." for n in range(30)))
    choices: dict[str, Any] = {
        "decontaminate": [str(asked)],
        "classifier": {"good": [str(good)], "bad": [str(bad)]},
    }
    every = corpus.run(**choices).work.chunks
    words = " ".join(text(3).split()[:14])
    asked.write_text(f'{{"question": "{words}"}}\n')
    report = corpus.run(**choices)
    assert report.work.made == {"leaks": every} and report.rejected["evaluation text"] >= 1
    bad.write_text("\n".join(f"Press number {n} and win." for n in range(30)))
    assert corpus.run(**choices).work.made == {"scores": every}


def test_another_program_makes_what_it_decides_anew(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = corpus.run(near_duplicates={}).work.chunks
    source = program._source

    def changed(module: str) -> bytes:
        return source(module) + b"#" * (module == "tasks.preprocess.minhash")

    program.program.cache_clear()
    monkeypatch.setattr(program, "_source", changed)
    try:
        assert corpus.run(near_duplicates={}).work.made == {"keys": every}
    finally:
        program.program.cache_clear()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_kept_file_that_is_damaged_is_made_again(corpus: Corpus, damage: str) -> None:
    corpus.run(**ALL)
    for layer in ("rows", "formed", "worth", "paragraphs", "shortened", "keys", "pairs"):
        path = min((corpus.folder / "kept" / layer).iterdir())
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "flipped":
            middle = len(content) // 2
            path.write_bytes(
                content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            )
        else:
            path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    work = corpus.run(**ALL).work
    assert 0 < work.chunks - work.kept <= 6
    assert corpus.run(**ALL).work.made == {}


def test_a_run_that_is_stopped_is_gone_on_with(corpus: Corpus) -> None:
    def stops(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
        if done > MANY / 2:
            raise KeyboardInterrupt

    of, params = corpus.folder, PreprocessParams.model_validate(CHOICES)
    with pytest.raises(KeyboardInterrupt):
        preprocess(
            of / "raw", of / "clean", of / "rejected", params, kept=of / "kept", progress=stops
        )
    assert not (of / "kept" / "aside").exists()
    work = corpus.run().work
    assert 0.2 * work.chunks < work.kept < 0.8 * work.chunks


def test_what_a_stopped_run_did_not_come_to_is_still_known(corpus: Corpus) -> None:
    def stops(done: float, total: float | None, unit: str = "", **figures: float | str) -> None:
        if done > MANY / 4:
            raise KeyboardInterrupt

    corpus.run()
    corpus.add(documents(MANY, MANY + 10), "later")
    of, params = corpus.folder, PreprocessParams.model_validate(CHOICES)
    with pytest.raises(KeyboardInterrupt):
        preprocess(
            of / "raw", of / "clean", of / "rejected", params, kept=of / "kept", progress=stops
        )
    work = corpus.run().work
    assert work.made == {} and work.new_documents <= 10


def test_what_three_runs_have_not_used_is_removed(corpus: Corpus) -> None:
    corpus.run(min_characters=11)
    (corpus.folder / "kept" / "worth" / "half.partial").write_bytes(b"half")
    for number in range(12, 15):
        corpus.run(min_characters=number)
    assert corpus.run(min_characters=12).work.made == {}
    assert "worth" in corpus.run(min_characters=11).work.made
    assert not list((corpus.folder / "kept").rglob("*.partial"))


def test_documents_that_no_ingest_has_sorted_are_sorted_first(corpus: Corpus) -> None:
    report = corpus.run()
    found = list(read_documents(corpus.folder / "raw" / "m"))
    shutil.rmtree(corpus.folder / "raw" / "m")
    corpus.add(found[::2], "b")  # two files whose ids lie between one another
    corpus.add(found[1::2], "a")
    assert corpus.run().model_dump() == report.model_dump()


def test_a_file_that_lacks_a_column_is_named_before_any_work(corpus: Corpus) -> None:
    path = corpus.folder / "raw" / "m" / "part-00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["meta"]), path)
    with pytest.raises(BadInput, match=r"part-00000\.parquet: cannot be read.*Run the stage"):
        corpus.run()
    assert not list((corpus.folder / "kept").glob("formed/*"))
