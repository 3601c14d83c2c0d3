"""What is kept of a corpus spares work and never changes a result: the work is counted here."""

import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput
from tasks import program, shard_borders
from tasks.documents import (
    DOCUMENT_SCHEMA,
    REJECTED_SCHEMA,
    Document,
    read_documents,
    read_table,
    write_documents,
)
from tasks.params import NearDuplicatesParams, PreprocessParams
from tasks.placing import put_in_place
from tasks.preprocess import raw_documents
from tasks.preprocess.finished_documents import FinishedDocuments
from tasks.preprocess.layers import work
from tasks.preprocess.layers.keys import keys
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
    monkeypatch.setattr(shard_borders, "SHARD_SIZE", 40_000)
    monkeypatch.setattr(shard_borders, "LEAST_SIZE", 10_000)
    monkeypatch.setattr(shard_borders, "MOST_SIZE", 160_000)


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
        shutil.rmtree(self.folder / "raw" / name, ignore_errors=True)
        write_documents(found, self.folder / "raw" / name)

    def run(self, **choices: Any) -> PreprocessReport:
        """With what is kept; the same bytes come from nothing at all, which is looked at."""
        params = PreprocessParams.model_validate({**CHOICES, **choices})
        of = self.folder
        before, new = (of / "clean", of / "rejected"), (of / ".clean", of / ".rejected")
        report = preprocess(of / "raw", *new, params, kept=of / "kept", before=before)
        for partial, path in zip(new, before, strict=True):
            put_in_place(partial, path)  # as the stage does
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
    assert work.kept == before and work.chunks - work.kept == 1


def test_shards_that_stay_the_same_are_not_written_again(corpus: Corpus) -> None:
    corpus.run(near_duplicates={})
    before = files(corpus.folder)
    assert len(before) > 10
    corpus.add(documents(1000, 1006, "z"), "z")
    corpus.run(near_duplicates={})
    after = files(corpus.folder)
    changed = {path for path, inode in after.items() if before.get(path) != inode}
    last = {max(path for path in after if path.startswith(part)) for part in PARTS}
    assert changed <= last, "new documents come after all others"
    # Those that were changed since are.
    for name in list(after)[:3]:
        path = corpus.folder / name
        path.write_bytes(path.read_bytes()[:-1])
    corpus.run(near_duplicates={})
    anew = {*files(corpus.folder).items()} - {*after.items()}
    assert {name for name, _ in anew} == {*list(after)[:3]}


def test_without_a_place_of_their_own_they_are_written_where_they_stand(corpus: Corpus) -> None:
    of = corpus.folder
    params = PreprocessParams.model_validate({**CHOICES, "near_duplicates": {}})
    expected = preprocess(of / "raw", of / "a", of / "b", params, kept=of / "kept")
    first = contents(of / "a")
    corpus.add(documents(MANY, MANY + 10), "later")
    preprocess(of / "raw", of / "a", of / "b", params, kept=of / "kept")
    shutil.rmtree(of / "raw" / "later")
    again = preprocess(of / "raw", of / "a", of / "b", params, kept=of / "kept")
    assert again.model_dump() == expected.model_dump()
    assert first.items() <= contents(of / "a").items()


def test_what_is_not_of_the_text_changes_the_shard_that_it_is_in(corpus: Corpus) -> None:
    corpus.run()
    before = files(corpus.folder)
    found = list(read_documents(corpus.folder / "raw" / "m"))
    found[300] = replace(found[300], url="https://example.org/moved")
    corpus.add(found, "m")
    work = corpus.run().work
    assert work.kept == work.chunks, "no text has changed"
    after = files(corpus.folder)
    assert len({*after.items()} - {*before.items()}) == 1


PARTS = ("clean/train", "clean/validation", "clean/test", "rejected")


def files(folder: Path) -> dict[str, int]:
    """The files that were written, and which file of the disk each is."""
    paths = [path for part in PARTS for path in (folder / part).iterdir()]
    return {str(path.relative_to(folder)): path.stat().st_ino for path in paths}


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
    every = corpus.run(filters=["fineweb"], near_duplicates={}).work.chunks
    limits = {"fineweb": {"short_lines": 0.5}}
    work = corpus.run(filters=["fineweb"], near_duplicates={}, quality=limits).work
    assert work.made == {"worth": every}
    # The limits of a filter that is off decide nothing, nor do numbers that are only compared with.
    other = {**limits, "c4": {"min_sentences": 9}}
    assert corpus.run(
        filters=["fineweb"], near_duplicates={"jaccard": 0.7}, quality=other, test_share=0.2
    ).work.made == {}  # fmt: skip
    assert corpus.run(
        filters=["fineweb"], near_duplicates={"shingle": 4}, quality=other
    ).work.made == {"keys": every}  # fmt: skip


def page(seed: int) -> Document:
    """Prose, of which some pages repeat themselves, are short, of other languages, or lists."""
    chance = random.Random(seed)
    number = chance.randint(2, 9)
    if seed % 9 == 8:
        lang, words, end, space = "zh", list("的是和了有也在人大小多少去来看"), "。", ""
    else:
        lang, words, end, space = "ja" if seed % 9 == 7 else "en", ["the", "of", *WORDS], ".", " "
    sentences = [
        space.join(chance.choices(words, k=chance.randint(2, 14))) + chance.choice([end] * 5 + [""])
        for _ in range(number)
    ]
    if seed % 5 == 0:
        sentences *= chance.randint(1, 3)
    text = chance.choice(["\n", " "]).join(sentences)
    return Document(f"p/{seed * 7919 % 10_007:05d}", "p", f"T{seed}", text, lang)


FILTERS = ["gopher-repetition", "gopher-quality", "c4", "fineweb"]
GENTLE: dict[str, Any] = {
    "gopher_repetition": {"lines": 1.0, "line_characters": 1.0, "n_grams": [1.0] * 6},
    "gopher_quality": {"min_words": 10},
    "c4": {"min_sentences": 2},
    "fineweb": {"line_breaks": 0.5, "short_lines": 1.0, "line_characters": 1.0},
}


def filtered(corpus: Corpus, *, filters: list[str] = FILTERS, **limits: Any) -> PreprocessReport:
    """With all filters, and limits of some other than ``GENTLE``, for Chinese as well."""
    quality = {name: GENTLE[name] | limits.get(name, {}) for name in GENTLE}
    choices: dict[str, Any] = {"filters": filters, "quality": quality, "quality_zh": quality}
    return corpus.run(near_duplicates={}, **choices)


@pytest.fixture
def pages(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path)
    corpus.add([page(seed) for seed in range(300)], "m")
    return corpus


STRICTER = [
    {"gopher_repetition": {"lines": 0.1}},
    {"gopher_quality": {"min_words": 40}},
    {"c4": {"min_sentences": 4}},
    {"fineweb": {"short_lines": 0.2}},
]


@pytest.mark.parametrize("limits", STRICTER)
def test_a_stricter_limit_only_compares_numbers(pages: Corpus, limits: dict[str, Any]) -> None:
    first = filtered(pages)
    report = filtered(pages, **limits)
    assert report.work.made == {"worth": report.work.chunks}
    assert report.rejected != first.rejected


@pytest.mark.parametrize("limits", STRICTER)
def test_a_gentler_limit_looks_only_at_what_it_lets_through(
    pages: Corpus, limits: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = filtered(pages, **limits)
    before = passed(pages)
    looked_at: list[str] = []

    def noted(texts: list[str], params: NearDuplicatesParams) -> pa.Table:
        looked_at.extend(texts)
        return keys(texts, params)

    monkeypatch.setattr(work, "keys", noted)
    assert filtered(pages).rejected != first.rejected
    after = passed(pages)
    new = [after[name] for name in after.keys() - before.keys()]
    # Then it was run with nothing kept, and looked at all.
    assert new and sorted(looked_at[: len(new)]) == sorted(new)
    assert len(looked_at) == len(new) + len(after)


def passed(corpus: Corpus) -> dict[str, str]:
    """The texts that no filter has dropped, by id."""
    dropped = read_table(corpus.folder / "rejected", REJECTED_SCHEMA).to_pylist()
    alike = [row for row in dropped if "duplicate" in row["reason"]]
    rows = [*read_table(corpus.folder / "clean", DOCUMENT_SCHEMA).to_pylist(), *alike]
    return {row["id"]: row["text"] for row in rows}


def test_lines_of_another_kind_make_what_builds_on_them_anew(pages: Corpus) -> None:
    every = filtered(pages).work.chunks
    made = filtered(pages, c4={"min_line_words": 5}).work.made
    assert made.keys() == {"worth", "sentences", "numbers_left", "keys"}
    assert {*made.values()} == {every}


def test_a_filter_more_asks_only_for_its_own_numbers(pages: Corpus) -> None:
    filtered(pages, filters=FILTERS[:2])
    made = filtered(pages, filters=FILTERS[:3]).work.made
    assert made.keys() == {"worth", "sentences", "keys"}  # the texts are others, by C4's lines
    assert filtered(pages, filters=FILTERS[:1]).work.made.keys() <= {"worth", "keys"}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_limits_were_before_nothing_comes_out_otherwise(
    pages: Corpus, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(5):  # each run compares its bytes with those of one from nothing
        if number == 3:
            pages.add([page(seed) for seed in range(300, 310)], "later")
        filtered(
            pages,
            filters=[name for name in FILTERS if chance.random() < 0.8],
            gopher_repetition={"lines": chance.choice([0.0, 0.3, 1.0])},
            gopher_quality={"min_words": chance.choice([0, 20, 60])},
            c4={
                "min_sentences": chance.choice([0, 2, 4]),
                "min_line_words": chance.choice([1, 6]),
                "takes_lines_out": chance.random() < 0.7,
            },
            fineweb={"short_line": chance.choice([10, 60]), "short_lines": chance.random()},
        )


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

    changed_one = "tasks.preprocess.minhash"

    def changed(module: str) -> bytes:
        return source(module) + b"#" * (module == changed_one)

    program.program.cache_clear()
    monkeypatch.setattr(program, "_source", changed)
    try:
        assert corpus.run(near_duplicates={}).work.made == {"keys": every}
        # What puts the documents together of their layers.
        made = FinishedDocuments._table

        def otherwise(*given: Any) -> pa.Table:
            table = made(*given)
            place = table.column_names.index("license")
            return table.set_column(place, table.field(place), pa.array(["MIT"] * len(table)))

        monkeypatch.setattr(FinishedDocuments, "_table", otherwise)
        changed_one = "tasks.preprocess.finished_documents"
        corpus.run(near_duplicates={})  # which compares it with a run that has nothing kept
    finally:
        program.program.cache_clear()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_kept_file_that_is_damaged_is_made_again(corpus: Corpus, damage: str) -> None:
    corpus.run(**ALL)
    for layer in (
        *("files", "rows", "formed", "worth", "paragraphs", "shortened", "keys", "pairs"),
        "outlines",
    ):
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
