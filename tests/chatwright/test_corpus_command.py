"""``chatwright corpus`` and ``chatwright corpus diff``: what is printed, for people and machines."""

import json
from pathlib import Path

import pytest

from chatwright.commands.corpus import corpus
from chatwright.commands.corpus_diff import corpus_diff
from chatwright.errors import MissingInput
from tasks.corpus_page.difference import Change, difference
from tasks.corpus_versions import version
from tasks.documents import Document, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.preprocess import preprocess
from tests.chatwright.command import chatwright


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus of two sources, of which 20 documents stay and three go; the current folder."""
    found = [
        Document(f"a/{n:02d}", "a", f"[b]T{n}", f"The text of document number {n}.  ", "en")
        for n in range(20)
    ]
    short = [("a/90", "a", "Stub A"), ("b/91", "b", "Stub B"), ("b/92", "b", "Stub C")]
    found += [Document(name, source, title, "Stub.", "en") for name, source, title in short]
    write_documents(found, tmp_path / "data" / "raw")
    preprocess(
        tmp_path / "data/raw",
        tmp_path / "data/clean",
        tmp_path / "data/rejected",
        PreprocessParams(min_characters=10, validation_share=0, test_share=0),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def page(**choices: object) -> None:
    corpus(**{"reason": None, "samples": 10, "seed": 0, "as_json": False, **choices})  # type: ignore[arg-type]


def test_the_page_accounts_for_every_document(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page()
    printed = capsys.readouterr().out
    # 10 texts of 30 bytes, 10 of 31; the spaces at the end went.
    assert [cell.strip() for cell in printed.splitlines()[4].split("│")[1:-1]] == [
        "all",
        "20",
        "610 B",
        "-",
    ]
    assert "23 came in = 20 kept + 3 removed." in printed
    (bar,) = [line for line in printed.splitlines() if line.startswith("  too short")]
    assert bar.endswith(" 3 (b 2, a 1)")
    assert bar.count("█") == 27 + 13  # 40 cells: two thirds and one third
    assert "  20-49  ████████████████████████████████████████ 20\n" in printed
    assert "    5-9  ░░░░░░ 0 + 3\n" in printed  # 40 x 3 / 20
    assert printed.count(" characters became ") == 10
    assert "30 characters became 28" not in printed
    assert "·" in printed


def test_when_raw_is_of_another_build_it_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_documents([Document("c/1", "c", "T", "Another text.", "en")], folder / "data/raw/c")
    page()
    printed = capsys.readouterr().out
    assert "24 came in, but 20 kept + 3 removed are 23" in printed


def test_a_reason_shows_what_went_for_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page(reason="too short", samples=2)
    printed = capsys.readouterr().out
    assert printed.count("too short; 5 characters") == 2 and "Stub." in printed


def test_machines_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.loads(chatwright(folder, "corpus", "--json", "--samples", "3").stdout)
    assert said["total"] == {"documents": 20, "bytes": 610, "tokens": None}
    assert said["removed"][0]["by_source"] == {"b": 2, "a": 1}
    assert len(said["samples"]) == 3
    page(reason="too short", as_json=True)
    gone = json.loads(capsys.readouterr().out)
    assert sorted(each["id"] for each in gone) == ["a/90", "b/91", "b/92"]
    corpus_diff("workspace", "workspace", seed=0, as_json=True)
    none = json.loads(capsys.readouterr().out)
    assert none["total"]["documents_after"] == 20 and none["total"]["added"] == 0


def test_the_difference_says_that_no_text_moved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus_diff("workspace", "workspace", seed=0, as_json=False)
    assert "No text moved between splits." in capsys.readouterr().out


def test_the_difference_is_whole_in_80_columns(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    million = Change(
        documents_before=1_234_567,
        documents_after=2_345_678,
        bytes_before=23_400_000_000,
        bytes_after=45_600_000_000,
        added=1_234_567,
        removed=3_456_789,
        changed=4_567_890,
    )
    same = difference(version("workspace"), version("workspace"), seed=0)
    large = same.model_copy(update={"total": million, "sources": {"python-docs": million}})
    monkeypatch.setattr("tasks.corpus_page.difference.difference", lambda *_, seed: large)
    corpus_diff("workspace", "workspace", seed=0, as_json=False)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    for figure in ("1,234,567", "+1,234,567", "-3,456,789", "~4,567,890", "2,345,678", "45.6 GB"):
        assert printed.count(f" {figure} ") == 2, figure


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reason", "to short"], "--reason to short: no document was dropped for it. Did you mean too short?"),
        (["diff", "v1"], "v1: this folder is in no git repository. Versions are git revisions."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    done = chatwright(folder, "corpus", *arguments)
    assert (done.returncode, done.stderr) == (2, sentence + "\n")


def test_no_corpus_yet_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for choices in ({}, {"reason": "too short"}, {"as_json": True}):
        with pytest.raises(MissingInput, match="^data/clean: there is no Parquet file. Run: chat"):
            page(**choices)
