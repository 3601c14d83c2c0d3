"""Two versions of a corpus, kept by git and DVC, are compared without touching the workspace."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.repo import Repo

from chatwright.errors import BadInput, MissingInput
from tasks.corpus_page.difference import Difference, difference
from tasks.corpus_versions import version
from tasks.documents import Document, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.preprocess import preprocess
from tests.tasks.dvc_project import begin_project, git

PIPELINE = """
stages:
  preprocess:
    cmd: "true"
    outs:
      - data/clean: {persist: true}
      - data/rejected: {persist: true}
"""
Build = Callable[..., None]


def text(number: int) -> str:
    return f"The text of document number {number}."


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC repository with a remote, without a corpus; also the current folder."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    begin_project(PIPELINE, tmp_path / "remote")
    return root


@pytest.fixture
def build(project: Path) -> Build:
    def made(texts: dict[str, tuple[str, str]], tag: str | None, **choices: float) -> None:
        """Make the corpus of these texts (source and text by id); keep it under a tag."""
        for name in ("raw", "data"):
            shutil.rmtree(project / name, ignore_errors=True)
        write_documents(
            [
                Document(name, source, name.upper(), text, "zh" if source == "wiki" else "en")
                for name, (source, text) in texts.items()
            ],
            project / "raw",
        )
        shares = {"validation_share": 0.3, "test_share": 0.3, **choices}
        params = PreprocessParams(min_characters=10, **shares)
        preprocess(project / "raw", project / "data/clean", project / "data/rejected", params)
        if tag:
            with Repo(".") as repo:
                repo.commit("preprocess", force=True)
                repo.push()
            git("add", "-A")
            git("commit", "-q", "-m", tag)
            git("tag", tag)

    return made


def compared(a: str, b: str) -> Difference:
    return difference(version(a), version(b))


def digests(root: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((root / "data").rglob("*.parquet"))
    }


BEFORE = {f"a/{n:02d}": ("a", text(n)) for n in range(40)}
# Two go (one of them is too short now), one is changed, three come (two of them from elsewhere).
AFTER = {
    **{name: each for name, each in BEFORE.items() if name != "a/07"},
    "a/08": ("a", "Short."),
    "a/09": ("a", text(9).replace("text", "TEXT")),
    "a/90": ("a", text(90)),
    "wiki/1": ("wiki", "水泵把地窖里的水抽出来，然后送到花园。"),
    "wiki/2": ("wiki", "车间的大门每天早上九点打开，中午有茶。"),
}


def test_it_counts_what_came_went_and_changed(project: Path, build: Build) -> None:
    build(BEFORE, "v1")
    build(AFTER, "v2")
    build({"a/00": ("a", text(0)), **{k: v for k, v in BEFORE.items() if k < "a/30"}}, None)
    stood = digests(project)
    found = compared("v1", "v2")
    total = found.total
    assert (total.added, total.removed, total.changed) == (3, 2, 1)
    assert (total.documents_before, total.documents_after) == (40, 41)
    # Numbers of one digit make texts of 30 bytes, others of 31; Chinese ones are 19 x 3 bytes.
    assert total.bytes_before == 10 * 30 + 30 * 31
    assert total.bytes_after == 8 * 30 + 31 * 31 + 2 * 57
    assert found.sources["wiki"].model_dump() == {
        "documents_before": 0,
        "documents_after": 2,
        "bytes_before": 0,
        "bytes_after": 114,
        "added": 2,
        "removed": 0,
        "changed": 0,
    }
    a = found.sources["a"]
    assert (a.added, a.removed, a.changed) == (1, 2, 1)
    assert found.languages["zh"].added == 2 and found.languages["en"].added == 1
    assert list(found.splits) == ["train", "validation", "test"]
    assert sum(each.added for each in found.splits.values()) == 3
    assert sum(each.documents_after for each in found.splits.values()) == 41
    assert found.moved == 0
    assert found.removed_because == {"not in the sources any more": 1, "too short": 1}
    assert {one.id for one in found.added_samples} == {"a/90", "wiki/1", "wiki/2"}
    assert {(one.id, one.title) for one in found.removed_samples} == {
        ("a/07", "A/07"),
        ("a/08", "A/08"),
    }
    (changed,) = found.changed_samples
    assert [(one.sign, one.text) for one in changed.lines] == [
        ("-", text(9)),
        ("+", text(9).replace("text", "TEXT")),
    ]
    back = compared("v2", "v1").total
    assert (back.added, back.removed, back.changed) == (2, 3, 1)
    # The workspace holds the first 30 of v1; it is compared as it is, and stays as it is.
    here = compared("v1", "workspace")
    assert (here.total.added, here.total.removed, here.total.changed) == (0, 10, 0)
    assert digests(project) == stood


def test_a_version_with_itself_has_no_difference(build: Build) -> None:
    build(BEFORE, "v1")
    for other in ("v1", "workspace", "HEAD"):
        found = compared("v1", other)
        assert (found.total.added, found.total.removed, found.total.changed) == (0, 0, 0)
        assert found.total.documents_after == 40 and found.moved == 0


def test_texts_that_moved_between_splits_are_counted(build: Build) -> None:
    from tasks.preprocess.cleaning import content_hash

    build(BEFORE, "v1")
    build(BEFORE, None, test_share=0.6, validation_share=0.1)
    # By the definition of a split: the first 8 bytes of the text's hash, as a share of 1.
    places = [int.from_bytes(content_hash(text(n))[:8], "big") / 2**64 for n in range(40)]
    expected = sum(
        (0 if p < 0.3 else 1 if p < 0.6 else 2) != (0 if p < 0.6 else 1 if p < 0.7 else 2)
        for p in places
    )
    found = compared("v1", "workspace")
    assert found.moved == expected > 0
    assert found.total.changed == 0 and found.moved_samples


def test_it_comes_from_the_remote_where_the_cache_is_empty(project: Path, build: Build) -> None:
    build(BEFORE, "v1")
    build(AFTER, "v2")
    for name in (".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(project / name)
    assert compared("v1", "v2").total.added == 3


@pytest.mark.parametrize("where", ["cache", "file"])
def test_what_is_nowhere_is_said(project: Path, build: Build, tmp_path: Path, where: str) -> None:
    build(BEFORE, "v1")
    if where == "cache":
        for folder in (project / ".dvc" / "cache", project / ".dvc" / "tmp", tmp_path / "remote"):
            shutil.rmtree(folder)
    else:
        for root in (project / ".dvc" / "cache", tmp_path / "remote"):
            for path in root.rglob("*"):
                if path.is_file() and path.suffix != ".dir":
                    path.unlink()
    with pytest.raises(MissingInput) as caught:
        compared("v1", "workspace")
    assert "v1: it is neither in DVC's cache nor in a remote." in str(caught.value)


def test_without_the_rejected_ones_why_they_went_is_not_known(project: Path, build: Build) -> None:
    build(BEFORE, "v1")
    build(AFTER, None)
    shutil.rmtree(project / "data" / "rejected")
    found = compared("v1", "workspace")
    assert found.removed_because is None and found.total.removed == 2


def test_a_revision_that_cannot_be_used_is_said(project: Path, build: Build) -> None:
    with pytest.raises(BadInput, match="^v9: git knows no such revision here. Name a tag, "):
        version("v9")
    with pytest.raises(BadInput, match="^--all: git knows no such revision here."):
        version("--all")
    with pytest.raises(MissingInput, match="^HEAD: no corpus was kept with this revision. Keep "):
        version("HEAD")
    with pytest.raises(MissingInput, match="^data/clean: there is no Parquet file."):
        version("workspace")


def test_outside_a_repository_only_the_workspace_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BadInput, match="^HEAD: this folder is in no git repository."):
        version("HEAD")
