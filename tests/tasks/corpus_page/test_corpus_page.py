"""The corpus's page says what is in it, what went and why, in numbers counted by hand."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.corpus_folder import here
from tasks.corpus_page.attach import attach_page
from tasks.corpus_page.chart import draw_chart
from tasks.corpus_page.fingerprints import fingerprints
from tasks.corpus_page.html import page_html
from tasks.corpus_page.page import Amount, CorpusPage, corpus_page, kinds
from tasks.corpus_page.samples import before_and_after, changed_lines, clipped, dropped
from tasks.documents import Document, write_documents
from tasks.ingest.ingest import ingest
from tasks.params import PreprocessParams
from tasks.params_ingest import DialoguesParams, FolderParams, IngestParams, PythonDocsParams
from tasks.preprocess.dropping import kind
from tasks.preprocess.preprocess import preprocess
from tasks.stage import Stage

ROOT = Path(__file__).resolve().parents[3]
GATE = "The gate of the workshop opens at nine."  # 39 characters
TEA = "There is tea and bread for everyone at noon."  # 44
ZHONGWEN = "车间的大门每天早上九点打开，中午有茶。"  # 19 characters of 3 bytes
LONG = "A pump lifts water out of the cellar. " * 30  # 30 x 38 = 1,140, the last space goes


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A corpus made by the stages' own functions: 4 documents stay, 3 go."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name, text in {
        "gate.txt": GATE,
        "tea.txt": f"{TEA}  \n\n\n\n\n\n\n",
        "zh.txt": ZHONGWEN,
        "twin.txt": f"{GATE}\n",  # gate.txt comes first
        "x.txt": "Too short",  # 9
    }.items():
        (corpus / name).write_text(text, encoding="utf-8")
    (corpus / "film.mp4").write_bytes(b"\0" * 64)
    params = IngestParams(
        sources=["folder"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(path=str(corpus)),
    )
    report = ingest(params, tmp_path / "raw", tmp_path / "dialogues", tmp_path / "labelled")
    (tmp_path / "ingest.json").write_text(report.model_dump_json())
    write_documents(
        [
            Document("wiki/pump", "wiki", "Pump", LONG, "en", license="CC-BY-SA-4.0"),
            Document("wiki/stub", "wiki", "Stub", "Stub.", "en", license="CC-BY-SA-4.0"),
        ],
        tmp_path / "raw" / "wiki",
    )
    choices = PreprocessParams(min_characters=10, validation_share=0, test_share=0)
    preprocess(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejected", choices)
    return tmp_path


def page_of(folder: Path) -> CorpusPage:
    return corpus_page(
        here(folder / "clean"),
        here(folder / "rejected"),
        here(folder / "raw"),
        ingested=json.loads((folder / "ingest.json").read_text()),
    )


def test_it_counts_documents_and_bytes_by_what_they_are(built: Path) -> None:
    page = page_of(built)
    assert page.total == Amount(documents=4, bytes=39 + 44 + 57 + 1_139)
    assert page.sources == {
        "wiki": Amount(documents=1, bytes=1_139),
        "folder": Amount(documents=3, bytes=140),
    }
    assert page.languages == {
        "en": Amount(documents=3, bytes=1_222),
        "zh": Amount(documents=1, bytes=57),
    }
    assert page.licences == {
        "CC-BY-SA-4.0": Amount(documents=1, bytes=1_139),
        "not said": Amount(documents=3, bytes=140),
    }
    assert page.splits == {"train": page.total}
    assert page.raw == 7
    assert page.left_out == {"folder": {"not a format that is read (.mp4)": 1}}


def test_it_says_what_went_by_reason_and_source(built: Path) -> None:
    page = page_of(built)
    assert [(one.reason, one.documents, one.bytes, one.by_source) for one in page.removed] == [
        ("too short", 2, 14, {"folder": 1, "wiki": 1}),
        ("duplicate", 1, 39, {"folder": 1}),
    ]
    assert sorted(page.removed[0].titles) == ["Stub", "Too short"]
    assert page.total.documents + sum(one.documents for one in page.removed) == page.raw


def test_lengths_are_in_characters_and_miss_the_empty_bins_at_both_ends(built: Path) -> None:
    lengths = page_of(built).lengths
    # Kept: 19, 39, 44 and 1,139 characters; removed: 5, 9 and 39.
    assert lengths.edges == [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000]
    assert lengths.kept == [0, 1, 2, 0, 0, 0, 0, 1]
    assert lengths.rejected == [2, 0, 1, 0, 0, 0, 0, 0]


def test_tokens_are_those_of_the_tokenizer(tiny_line: Path) -> None:
    from model.tokenizer import read_tokenizer
    from tasks.documents import read_documents

    folder, tokenizer = tiny_line / "clean", read_tokenizer(tiny_line / "tokenizer")
    page = corpus_page(
        here(folder), here(tiny_line / "none"), None, tokenizer=tiny_line / "tokenizer"
    )
    expected = {
        split: sum(
            len(tokenizer.encode(one.text, add_special_tokens=False).ids)
            for one in read_documents(folder / split)
        )
        for split in ("train", "validation")
    }
    assert {split: amount.tokens for split, amount in page.splits.items()} == expected
    assert page.total.tokens == sum(expected.values()) and page.tokens_exact
    assert page.raw is None


def test_of_a_large_corpus_the_tokens_are_near(
    tiny_line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tokens() -> CorpusPage:
        return corpus_page(
            here(tiny_line / "clean"),
            here(tiny_line / "none"),
            None,
            tokenizer=tiny_line / "tokenizer",
            preprocessed={"bytes": {"train": 16_000}},
        )

    exact = tokens()
    monkeypatch.setattr("tasks.corpus_page.tokens.COUNTED_BYTES", 8_000)  # every second one
    near = tokens()
    assert exact.tokens_exact and not near.tokens_exact
    assert exact.total.tokens and near.total.tokens
    assert near.total.tokens != exact.total.tokens
    assert abs(near.total.tokens / exact.total.tokens - 1) < 0.05


def test_before_and_after_show_what_cleaning_did(built: Path) -> None:
    samples = before_and_after(here(built / "raw"), here(built / "clean"), samples=10, seed=3)
    assert [one.id for one in samples] == [
        "folder/gate.txt",
        "folder/tea.txt",
        "folder/zh.txt",
        "wiki/pump",
    ]
    gate, tea = samples[:2]
    assert (gate.before, gate.after, gate.lines) == (39, 39, [])
    assert tea.after == 44 and tea.before and tea.before > 44
    assert [(line.sign, line.number, line.text) for line in tea.lines[:2]] == [
        ("-", 1, f"{TEA}··"),
        ("+", 1, TEA),
    ]


def test_the_same_seed_shows_the_same_documents(tmp_path: Path) -> None:
    found = [
        Document(f"f/{n:03d}", "f", f"T{n}", f"The text of document {n}.", "en") for n in range(200)
    ]
    write_documents(found, tmp_path / "raw")
    choices = PreprocessParams(min_characters=1, validation_share=0.2, test_share=0.2)
    preprocess(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejected", choices)

    def ids(seed: int) -> list[str]:
        shown = before_and_after(here(tmp_path / "raw"), here(tmp_path / "clean"), seed=seed)
        assert all(one.before == one.after == len(one.excerpt) for one in shown)
        return [one.id for one in shown]

    assert len(set(ids(1))) == 10
    assert ids(1) == ids(1) != ids(2)


def test_rows_are_found_across_files_and_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.shard_file.GROUP_ROWS", 7)
    monkeypatch.setattr("tasks.corpus_folder.BATCH_ROWS", 3)
    found = [Document(f"f/{n:03d}", "f", f"T{n}", "text", "en") for n in range(100)]
    write_documents(found, tmp_path / "some", shard_rows=30)
    places = [0, 6, 7, 29, 30, 64, 99]
    rows = here(tmp_path / "some").rows_at(places, ["title"])
    assert rows == {place: {"title": f"T{place}"} for place in places}
    assert here(tmp_path / "some").places_of({"f/007", "f/099", "f/999"}) == [7, 99]


def test_documents_that_went_are_shown_by_reason(built: Path) -> None:
    rejected = here(built / "rejected")
    assert {one.id for one in dropped(rejected, "too short")} == {"folder/x.txt", "wiki/stub"}
    assert len(dropped(rejected, "too short", samples=1)) == 1
    (twin,) = dropped(rejected, "dup")  # the beginning is enough
    assert (twin.id, twin.reason, twin.characters, twin.excerpt) == (
        "folder/twin.txt",
        "duplicate",
        39,
        GATE,
    )


def test_a_reason_that_nothing_went_for_is_said(built: Path) -> None:
    with pytest.raises(
        BadInput, match=r"no document was dropped for it\. Did you mean too short\?$"
    ):
        dropped(here(built / "rejected"), "to short")
    with pytest.raises(
        BadInput,
        match=r"There are: duplicate \(1\), too short \(2\)\. What could not be read is counted in reports/ingest\.json",
    ):
        dropped(here(built / "rejected"), "gopher")


def test_a_column_of_reasons_is_counted_as_each_reason_is() -> None:
    import pyarrow as pa

    reasons = [
        "too short",
        "near duplicate: folder/a\nb.txt",
        "evaluation text: questions: 3",
        "classifier: 0.12",
        "c4: curly bracket",
        "language de",
    ]
    assert kinds(pa.chunked_array([reasons])).to_pylist() == [kind(reason) for reason in reasons]


def test_lines_that_differ_are_numbered_in_their_own_text() -> None:
    lines, more = changed_lines("a\nb\nc\nd", "a\nc\nd\ne")
    assert more == 0
    assert [(one.sign, one.number, one.text) for one in lines] == [("-", 2, "b"), ("+", 4, "e")]
    assert changed_lines("a\nb", "a\nb") == ([], 0)


def test_of_a_long_line_the_place_that_differs_is_shown() -> None:
    before, after = "x" * 500 + "\u3000old", "x" * 500 + " old"
    (minus, plus), _ = changed_lines(before, after)
    assert minus.text == "…" + "x" * 24 + "\\u3000old" and plus.text == "…" + "x" * 24 + " old"
    assert clipped("y" * 200) == "y" * 96 + "…"


def test_of_a_text_that_changed_as_a_whole_the_first_lines_are_shown() -> None:
    before = "\n".join(f"{n} \x07" for n in range(50_000))
    lines, more = changed_lines(before, before.replace(" \x07", ""))
    assert len(lines) + more == 100_000
    assert [one.text for one in lines] == [
        t for n in range(len(lines) // 2) for t in (f"{n} \\x07", f"{n}")
    ]


def test_the_page_for_mlflow_is_whole_and_shows_mark_up_as_text(built: Path) -> None:
    corpus = built / "evil"
    evil = "<script>alert(1)</script> and more of that text here\x00"
    write_documents([Document("w/e", "w", "<b>", evil, "en")], corpus / "raw")
    choices = PreprocessParams(min_characters=10, validation_share=0, test_share=0)
    preprocess(corpus / "raw", corpus / "clean", corpus / "rejected", choices)
    clean, raw = here(corpus / "clean"), here(corpus / "raw")
    page = corpus_page(clean, here(corpus / "rejected"), raw)
    chart = built / "chart.png"
    for each in (page, page_of(built)):  # nothing was removed from the first
        draw_chart(each, chart)
    html = page_html(page, before_and_after(raw, clean), chart)
    assert (
        "characters became" in html
        and "Not shown here" not in html
        and "<script" not in html
        and "&lt;script&gt;" in html
    )
    (picture,) = re.findall(r'src="data:image/png;base64,([^"]*)"', html)
    assert base64.b64decode(picture) == chart.read_bytes()


def test_no_corpus_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="clean: there is no Parquet file. Run: chatwright run."):
        corpus_page(here(tmp_path / "clean"), here(tmp_path / "rejected"), None)


def test_a_damaged_file_is_named(built: Path) -> None:
    path = built / "clean" / "train" / "part-00000.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"part-00000\.parquet: cannot be read: "):
        page_of(built)


def test_damage_in_the_middle_of_a_file_is_named(built: Path) -> None:
    """Its beginning and its end, by which a file is opened, are sound."""
    path = built / "clean" / "train" / "part-00000.parquet"
    group = pq.read_metadata(path).row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    page = columns["text"].data_page_offset
    data = bytearray(path.read_bytes())
    data[page : page + 16] = b"\xff" * 16
    path.write_bytes(data)
    for reads in (lambda: page_of(built), lambda: fingerprints(here(built / "clean"))):
        with pytest.raises(BadInput, match=r"part-00000\.parquet: cannot be read: "):
            reads()


def test_names_are_no_formulas(built: Path) -> None:
    """To matplotlib, text between two $ is one, and raises where it cannot be parsed."""
    page = page_of(built)
    page.sources["$^$"] = page.sources.pop("folder")
    page.removed[0].reason, page.removed[0].by_source = "language $^$", {"$_$": 1}
    draw_chart(page, built / "corpus.png")
    assert (built / "corpus.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_that_cannot_be_drawn_costs_a_line_of_the_log(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built)
    (built / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    path = built / "clean" / "train" / "part-00000.parquet"
    path.write_bytes(b"damaged")
    said: list[str] = []
    monkeypatch.setattr(Stage, "log", lambda self, line: said.append(line))
    stage = Stage("preprocess")
    attach_page(stage, built / "raw", built / "clean", built / "rejected")
    (line,) = said
    assert line.startswith("the page of the corpus could not be made (BadInput: ")


@pytest.mark.slow
def test_the_stage_attaches_the_page_to_its_run(built: Path) -> None:
    settings = (ROOT / "params.yaml").read_text("utf-8")
    for old, new in {
        "validation_share: 0.02": "validation_share: 0",
        "test_share: 0.05": "test_share: 0",
        "questions: tests/data/questions.jsonl": "questions: none.jsonl",
        "personal_data: []": "personal_data: [email]",
    }.items():
        assert old in settings
        settings = settings.replace(old, new)
    (built / "params.yaml").write_text(settings, "utf-8")
    (built / "none.jsonl").touch()
    (built / "data").mkdir()
    for name in ("raw", "labelled"):
        (built / name).rename(built / "data" / name)
    script = (
        "import tasks.stage\n"
        "tasks.stage.start_shipping = lambda: None\n"  # what is spooled stays to be looked at
        "from tasks.preprocess.__main__ import main\n"
        "main()\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=built,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=120,
    )
    attached = {path.name: path for path in built.glob(".chatwright/tracking/*/*/corpus.*")}
    assert attached["corpus.png"].read_bytes().startswith(b"\x89PNG")
    html = attached["corpus.html"].read_text("utf-8")
    assert "too short" in html and "CC-BY-SA-4.0" in html
    # Where personal data is replaced, texts as they came must not live on in the tracking server.
    assert "Not shown here" in html and "wiki/pump" not in html
