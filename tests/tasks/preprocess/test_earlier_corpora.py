"""What an earlier corpus holds is left out of a new one: exactly, almost, and by paragraphs."""

import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput, BadParameter, CorpusTooSmall, MissingInput, UserError
from tasks.documents import REJECTED_SCHEMA, Document, read_documents, read_table, write_documents
from tasks.params import PreprocessParams
from tasks.params_executor import ExecutorParams
from tasks.preprocess import earlier_shards
from tasks.preprocess.dropping import kind
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tasks.same_program import must_be_the_same

WORDS = [f"{a}{b}" for a in ("bar", "dol", "fen", "kip", "lum", "nor") for b in "abcdefghij"]
SIGNS = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏云腾致雨露结为霜金生丽水"
NOTICE = "All rights are reserved by those who reserved them."
NEAR: dict[str, Any] = {"near_duplicates": {}}


def words(seed: int, count: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=count)


def english(seed: int) -> str:
    return " ".join(words(seed))


def chinese(seed: int) -> str:
    signs = random.Random(seed).choices(SIGNS, k=60)
    return "".join(signs[:30]) + "。\n" + "".join(signs[30:]) + "。"


def varied(text: str, place: int) -> str:
    """The same with one word, or sign, put in: 4 of about 60 shingles are others."""
    parts = text.split(" ") if " " in text else list(text)
    return (" " if " " in text else "").join([*parts[:place], "另", *parts[place:]])


def corpus_of(texts: dict[str, str]) -> list[Document]:
    return [Document(name, "folder", "T", text, "en") for name, text in texts.items()]


def earlier(texts: dict[str, str], folder: Path) -> Path:
    """A corpus as an earlier build left it, in more shards than one."""
    found = corpus_of(texts)
    write_documents(found[::3], folder / "validation")
    write_documents([], folder / "test")
    write_documents([*found[1::3], *found[2::3]], folder / "train", shard_rows=7)
    return folder


def run(
    texts: dict[str, str], folder: Path, kept: Path | None = None, **choices: Any
) -> PreprocessReport:
    write_documents(corpus_of(texts), folder / "raw")
    executor = ExecutorParams(workers=choices.pop("workers", 1))
    shares = {"min_characters": 10, "validation_share": 0.3, "test_share": 0.3}
    params = PreprocessParams.model_validate({**shares, **choices})
    names = (folder / "raw", folder / "clean", folder / "rejected")
    return preprocess(*names, params, kept=kept, executor=executor)


def stays(folder: Path) -> dict[str, str]:
    splits = ("train", "validation", "test")
    return {d.id: d.text for split in splits for d in read_documents(folder / "clean" / split)}


def reasons(folder: Path) -> dict[str, str]:
    rows = read_table(folder / "rejected", REJECTED_SCHEMA).to_pylist()
    return {row["id"]: row["reason"] for row in rows}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("clean", "rejected")
        for path in (folder / name).rglob("*.parquet")
    }


@pytest.fixture
def ordinary() -> dict[str, str]:
    return {f"m/{seed:02d}": english(seed) for seed in range(20)}


@pytest.mark.parametrize("written", [english, chinese])
def test_a_document_that_an_earlier_corpus_has_goes_whatever_its_white_space(
    tmp_path: Path, ordinary: dict[str, str], written: Any
) -> None:
    old = earlier({f"z/{n}": written(100 + n) for n in range(9)}, tmp_path / "old")
    held = {f"a/{n}": f"{written(100 + n)}\n" for n in range(8)}
    held["a/8"] = written(108).replace("\n", " \n\n").replace(" ", "  ")
    report = run({**held, **ordinary}, tmp_path, earlier_corpora=[str(old)])
    assert stays(tmp_path) == ordinary
    assert reasons(tmp_path) == {f"a/{n}": f"in an earlier corpus: {old}" for n in range(9)}
    assert report.rejected == {"in an earlier corpus": 9}
    told = report.earlier_corpora[str(old)]
    assert (told.commit, told.documents, told.equal, told.near) == (None, 9, 9, 0)


def test_of_two_new_ones_that_are_equal_none_stays_and_the_first_corpus_is_named(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    one = earlier({"x": english(100)}, tmp_path / "one")
    two = earlier({"y": english(101), "x": english(100)}, tmp_path / "two")
    new = {"a": english(100), "b": english(100), "c": english(101), "d": english(102)}
    new["e"] = new["d"]
    report = run({**new, **ordinary}, tmp_path, earlier_corpora=[str(one), str(two)])
    assert reasons(tmp_path) == {
        "a": f"in an earlier corpus: {one}",
        "b": f"in an earlier corpus: {one}",
        "c": f"in an earlier corpus: {two}",
        "e": "duplicate",
    }
    counts = {name: each.equal for name, each in report.earlier_corpora.items()}
    assert counts == {str(one): 2, str(two): 1}


@pytest.mark.parametrize("jaccard", [0.8, None])
@pytest.mark.parametrize("written", [english, chinese])
def test_what_is_almost_a_document_of_an_earlier_corpus_goes_and_names_it(
    tmp_path: Path, ordinary: dict[str, str], written: Any, jaccard: float | None
) -> None:
    old = earlier({f"z/{n}": written(100 + n) for n in range(9)}, tmp_path / "old")
    near = {f"a/{n}": varied(written(100 + n), 9 + n) for n in range(9)}
    choices = {"near_duplicates": {"jaccard": jaccard, "bands": 60, "rows": 4}}
    report = run({**near, **ordinary}, tmp_path, earlier_corpora=[str(old)], **choices)
    assert stays(tmp_path) == ordinary
    assert reasons(tmp_path) == {
        f"a/{n}": f"near duplicate of an earlier corpus: {old}, z/{n}" for n in range(9)
    }
    assert report.rejected == {"near duplicate of an earlier corpus": 9}
    assert report.earlier_corpora[str(old)].near == 9
    run({**near, **ordinary}, tmp_path / "off", earlier_corpora=[str(old)])
    assert stays(tmp_path / "off") == {**near, **ordinary}


def test_a_cluster_with_an_earlier_document_goes_as_a_whole(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    first = words(100, 100)
    second, third = list(first), list(first)
    second[20:22] = ["new", "one"]  # 6 of 96 shingles: a Jaccard of 90/102
    third[20:22] = ["new", "one"]
    third[70:73] = ["as", "the", "third"]  # 13 of 96: 83/109 with the first, 89/103 with the second
    texts = {"b": " ".join(second), "a": " ".join(third)}
    old = earlier({"z": " ".join(first)}, tmp_path / "old")
    choices: dict[str, Any] = {"near_duplicates": {"bands": 60, "rows": 4}}
    run({**texts, **ordinary}, tmp_path, earlier_corpora=[str(old)], **choices)
    told = f"near duplicate of an earlier corpus: {old}, z"
    assert reasons(tmp_path) == {"a": told, "b": told}
    del texts["b"]
    run({**texts, **ordinary}, tmp_path / "alone", earlier_corpora=[str(old)], **choices)
    assert "a" in stays(tmp_path / "alone")


def test_it_is_as_if_the_earlier_documents_stood_first(tmp_path: Path) -> None:
    chance = random.Random(3)
    before = {f"0/{n:03d}": english(n) for n in range(120)}
    new: dict[str, str] = {}
    for n in range(240):
        text = english(n // 2 + 60)  # a half of them were there before, all of them twice
        for _ in range(chance.choice([0, 1, 1, 2, 3])):
            text = varied(text, chance.randrange(60))
        new[f"1/{n:03d}"] = text
    old = earlier(before, tmp_path / "old")
    run(new, tmp_path, earlier_corpora=[str(old)], **NEAR)
    run({**before, **new}, tmp_path / "union", **NEAR)
    found = stays(tmp_path)
    assert 100 < len(found) < 200
    of_all = stays(tmp_path / "union")
    assert found == {name: text for name, text in of_all.items() if name in new}
    near = [why for why in reasons(tmp_path).values() if why.startswith("near duplicate of an ")]
    assert len(near) > 20


def test_a_paragraph_that_stood_in_an_earlier_corpus_is_taken_out(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    notice = "本站所有内容均受版权保护，未经许可不得转载。"
    old = earlier({"x": f"{NOTICE}\n\n{english(100)}", "y": f"短。\n\n{notice}"}, tmp_path / "old")
    new = {
        "a": f"{english(200)}\n\n{NOTICE}",
        "b": f"{english(201)}\n\n{notice}",
        "c": f"{english(100)}\n\n{NOTICE}",  # nothing is left of it
        "d": f"{english(202)}\n\n短。",  # what is short stays
    }
    choices = {"duplicate_paragraphs": True, "earlier_corpora": [str(old)]}
    report = run({**new, **ordinary}, tmp_path, **choices)
    assert report.repeated_paragraphs == 4
    assert stays(tmp_path) == {
        "a": english(200), "b": english(201), "d": new["d"], **ordinary
    }  # fmt: skip
    assert reasons(tmp_path) == {"c": "repeated paragraphs"}
    run({**new, **ordinary}, tmp_path / "off", earlier_corpora=[str(old)])
    assert stays(tmp_path / "off") == {**new, **ordinary}


def test_what_is_left_without_such_paragraphs_may_be_a_document_of_an_earlier_corpus(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    old = earlier({"x": NOTICE, "y": "See the page above."}, tmp_path / "old")
    new = {"a": f"See the page above.\n\n{NOTICE}"}
    choices = {"duplicate_paragraphs": True, "earlier_corpora": [str(old)]}
    report = run({**new, **ordinary}, tmp_path, **choices)
    why = "in an earlier corpus but for repeated paragraphs"
    assert reasons(tmp_path) == {"a": f"{why}: {old}"}
    assert report.rejected == {why: 1} and report.earlier_corpora[str(old)].equal == 1
    rejected = {row.id: row.text for row in read_documents(tmp_path / "rejected")}
    assert rejected == new  # whole, as it came


@pytest.fixture
def mixed(tmp_path: Path, ordinary: dict[str, str]) -> dict[str, Any]:
    """New texts, and choices that let some of them go in every way."""
    before = {f"y/{n}": f"{english(100 + n)}\n\n{NOTICE}" for n in range(10)}
    before |= {f"z/{n}": english(110 + n) for n in range(10)}
    new = {f"a/{n}": f"{english(100 + n)}\n\n{NOTICE}" for n in range(5)}
    new |= {f"b/{n}": varied(english(110 + n), 20) for n in range(5)}
    new |= {f"c/{n}": f"{english(300 + n)}\n\n{NOTICE}" for n in range(5)}
    folder = earlier(before, tmp_path / "old")
    choices = {"duplicate_paragraphs": True, "earlier_corpora": [str(folder)], **NEAR}
    return {"texts": {**new, **ordinary}, **choices}


def test_what_is_kept_of_an_earlier_corpus_spares_work_and_changes_nothing(
    tmp_path: Path, mixed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = run(folder=tmp_path / "cold", **mixed)
    assert len(cold.rejected) == 2 and cold.repeated_paragraphs > 0
    made: list[tuple[int, int]] = []
    work = earlier_shards.work

    def counted(piece: earlier_shards.Piece) -> tuple[int, dict[str, bytes]]:
        made.append((piece.number, len(piece.wanted)))
        return work(piece)

    monkeypatch.setattr(earlier_shards, "work", counted)
    shards = len(list((tmp_path / "old").rglob("*.parquet")))
    old, kept = tmp_path / "old", tmp_path / "kept"

    def again(pieces: int, layers: int = 3, **other: Any) -> None:
        made.clear()
        report = run(folder=tmp_path / "warm", kept=kept, **{**mixed, **other})
        assert [wanted for _, wanted in made] == [layers] * pieces
        if not other:
            assert report.model_dump() == cold.model_dump()
            assert contents(tmp_path / "warm") == contents(tmp_path / "cold")

    again(shards)
    again(0)
    again(0, near_duplicates={"jaccard": 0.7})
    again(shards, 1, near_duplicates={"shingle": 4})
    # Elsewhere, under another name, it is the same.
    shutil.copytree(old, tmp_path / "copy")
    again(0, earlier_corpora=[str(tmp_path / "copy")])
    for layer in (earlier_shards.DIGESTS, earlier_shards.PARAGRAPHS, earlier_shards.KEYS):
        (kept / layer).rename(tmp_path / "aside")
        again(shards, 1)
        path = min((kept / layer).iterdir())
        path.write_bytes(path.read_bytes()[:-30])
        again(1, 1)
        shutil.rmtree(tmp_path / "aside")
    write_documents(corpus_of({"x": english(300)}), old / "test")
    again(1, languages=["en"])
    assert "c/0" not in stays(tmp_path / "warm")


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(
    tmp_path: Path, mixed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.executor.SMALL_BYTES", 0)
    one, two = (run(folder=tmp_path / f"{n}", workers=n, **mixed) for n in (1, 2))
    assert one.model_dump() == two.model_dump()
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_worker_with_another_program_does_nothing() -> None:
    with pytest.raises(BadInput, match="^executor.address: a worker of the cluster has another"):
        must_be_the_same("tasks.preprocess.earlier_shards", "of yesterday")


def test_without_one_the_report_is_as_it_was(tmp_path: Path, ordinary: dict[str, str]) -> None:
    report = run(ordinary, tmp_path, kept=tmp_path / "kept", duplicate_paragraphs=True, **NEAR)
    assert "earlier_corpora" not in report.model_dump(mode="json")
    assert not list((tmp_path / "kept").glob("earlier*"))


def test_a_corpus_of_the_same_sources_leaves_nothing_which_is_said(
    tmp_path: Path, ordinary: dict[str, str]
) -> None:
    run(ordinary, tmp_path / "before")
    ordinary["z"] = varied(ordinary["m/00"], 30)
    with pytest.raises(CorpusTooSmall) as caught:
        run(ordinary, tmp_path, earlier_corpora=[str(tmp_path / "before/clean")], **NEAR)
    assert str(caught.value) == (
        "preprocess, train: the documents that are left, 0 of 21, are too few for all splits;"
        " rejected: in an earlier corpus 20, near duplicate of an earlier corpus 1. Add text, or"
        " name no corpus of the same sources as an earlier one."
    )


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("gone", MissingInput, "preprocess.earlier_corpora, gone: there is no such folder. Mend the name"),
        ("a.parquet", MissingInput, "preprocess.earlier_corpora, a.parquet: there is no such folder."),
        ("empty", MissingInput, "preprocess.earlier_corpora, empty: there is no Parquet file in it. Name a copy of data/clean."),
        ("data/clean", BadParameter, "preprocess.earlier_corpora, data/clean: is, or holds, what this stage itself reads or writes. Name a copy"),
        ("data/clean/train", BadParameter, "preprocess.earlier_corpora, data/clean/train: is, or holds, what this stage"),
        (".", BadParameter, "preprocess.earlier_corpora, .: is, or holds, what this stage"),
        ("project", BadParameter, "preprocess.earlier_corpora, project: holds more than a corpus. Name the one that was built on: project/clean."),
        ("git:v1", BadInput, "preprocess.earlier_corpora, git:v1: this folder is in no git repository."),
        ("git:", BadInput, "preprocess.earlier_corpora, git:: this folder is in no git repository."),
        ("corrupt", BadInput, "corrupt/part.parquet: cannot be read: "),
        ("cut", BadInput, "cut/part-00000.parquet: cannot be read: "),
        ("damaged", BadInput, "damaged/part-00000.parquet: cannot be read: "),
        ("without", BadInput, "without/part.parquet: cannot be read: it has no column text. Fetch or make it again, or take its corpus out of preprocess.earlier_corpora."),
        ("numbers", BadInput, "numbers/part.parquet: not all of its column text is text. Fetch"),
        ("nulls", BadInput, "nulls/part.parquet: not all of its column text is text. Fetch"),
    ],
)  # fmt: skip
def test_a_corpus_that_cannot_be_read_is_said_in_one_sentence(
    tmp_path: Path,
    ordinary: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[UserError],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for each in ("empty", "corrupt", "without", "numbers", "nulls"):
        Path(each).mkdir()
    for each in ("cut", "damaged", "data/clean/train", "project/clean/train", "project/raw"):
        write_documents(corpus_of(ordinary), Path(each))
    Path("a.parquet").touch()
    Path("corrupt/part.parquet").write_bytes(b"PAR1, and no more")
    shard = Path("cut/part-00000.parquet")
    shard.write_bytes(shard.read_bytes()[:-100])
    shard = Path("damaged/part-00000.parquet")  # the texts themselves
    content = shard.read_bytes()
    at = pq.read_metadata(shard).row_group(0).column(4).data_page_offset
    shard.write_bytes(content[: at + 5] + bytes(200) + content[at + 205 :])
    pq.write_table(pa.table({"id": ["a"], "body": ["b"]}), "without/part.parquet")
    pq.write_table(pa.table({"id": ["a"], "text": [7]}), "numbers/part.parquet")
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["t", None]}), "nulls/part.parquet")
    with pytest.raises(kind) as caught:
        run(ordinary, tmp_path, earlier_corpora=[name])
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert said.startswith(sentence) and "\n" not in said


def test_a_shard_that_changes_while_it_is_read_is_said(
    tmp_path: Path, ordinary: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = earlier({"x": english(100)}, tmp_path / "old")
    work = earlier_shards.work

    def changing(piece: earlier_shards.Piece) -> tuple[int, dict[str, bytes]]:
        write_documents(corpus_of({"x": english(101)}), old / "validation")
        return work(piece)

    monkeypatch.setattr(earlier_shards, "work", changing)
    with pytest.raises(BadInput, match="validation/.*: was changed while it was read. Run again."):
        run(ordinary, tmp_path, earlier_corpora=[str(old)])


def test_reasons_are_counted_without_what_they_name() -> None:
    for why in (
        "in an earlier corpus",
        "in an earlier corpus but for repeated paragraphs",
        "near duplicate of an earlier corpus",
    ):
        assert kind(f"{why}: git:v1, a: b") == why
