"""An earlier corpus that is a git revision of the project: read from DVC's cache or remote."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Document, read_documents, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tests.tasks.dvc_project import begin_project, git

PIPELINE = """
stages:
  preprocess:
    cmd: "true"
    outs:
      - data/clean: {persist: true}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git and DVC repository with a corpus of six texts, kept as v1; also the current folder."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.chdir(root)
    begin_project(PIPELINE, tmp_path / "remote")
    git("tag", "v0")
    build(0, 6)
    with Repo(".") as repo:
        repo.commit("preprocess", force=True)
        repo.push()
    git("add", "-A")
    git("commit", "-q", "-m", "v1")
    git("tag", "v1")
    return root


def build(start: int, stop: int, *names: str) -> PreprocessReport:
    """The corpus of some texts, without what is in earlier ones."""
    shutil.rmtree("data", ignore_errors=True)
    texts = [f"The text of document number {n}, which says little." for n in range(start, stop)]
    found = [Document(f"m/{n}", "m", "T", each, "en") for n, each in enumerate(texts, start)]
    write_documents(found, Path("data/raw"))
    shares = {"min_characters": 10, "validation_share": 0.3, "test_share": 0.3}
    params = PreprocessParams.model_validate({**shares, "earlier_corpora": list(names)})
    folders = (Path("data/raw"), Path("data/clean"), Path("data/rejected"))
    return preprocess(*folders, params, kept=Path("kept"))


def ids() -> list[str]:
    splits = ("train", "validation", "test")
    found = [each.id for split in splits for each in read_documents(Path("data/clean") / split)]
    return sorted(found)


def test_a_tag_or_a_commit_names_the_corpus_that_was_kept_with_it(project: Path) -> None:
    commit = git("rev-parse", "v1")
    expected = ["m/6", "m/7", "m/8", "m/9"]
    report = build(2, 10, "git:v1")
    assert ids() == expected
    assert report.rejected == {"in an earlier corpus": 4}
    told = report.earlier_corpora["git:v1"]
    assert (told.commit, told.documents, told.equal) == (commit, 6, 4)
    with Repo(".") as repo:
        repo.checkout(["data/clean"], force=True)
    Path("data/clean").rename("copy")
    report = build(2, 10, "copy")
    assert report.earlier_corpora["copy"] == told.model_copy(update={"commit": None})
    assert ids() == expected
    for folder in (".dvc/cache", ".dvc/tmp"):  # from the remote, then
        shutil.rmtree(project / folder)
    shutil.rmtree("kept")
    report = build(2, 10, f"git:{commit[:10]}")
    assert ids() == expected and report.earlier_corpora[f"git:{commit[:10]}"] == told


@pytest.mark.parametrize("what", ["all", "files"])
def test_a_revision_whose_files_are_nowhere_is_said(
    project: Path, tmp_path: Path, what: str
) -> None:
    for root in (project / ".dvc" / "cache", tmp_path / "remote"):
        for path in root.rglob("*"):
            if path.is_file() and (what == "all" or path.suffix != ".dir"):
                path.unlink()
    shutil.rmtree(project / ".dvc" / "tmp")
    with pytest.raises(MissingInput) as caught:
        build(2, 10, "git:v1")
    assert " at git:v1: it is neither in DVC's cache nor in a remote. Fetch it" in str(caught.value)


def test_a_revision_that_cannot_be_used_is_said(project: Path) -> None:
    for name, lock in (("mid-merge", "<<<<<<< ours\nstages: {"), ("list", "- a")):
        Path("dvc.lock").write_text(lock)
        git("commit", "-q", "-a", "-m", name)
        git("tag", name)
    for name, error, sentence in [
        ("git:mid-merge", BadInput, "dvc.lock of this revision is not what DVC writes. Name"),
        ("git:list", BadInput, "dvc.lock of this revision is not what DVC writes. Name"),
        ("git:v9", BadInput, "git knows no such revision here. Name a tag, a branch or a commit."),
        ("git:", BadInput, "git knows no such revision here."),
        ("git:--all", BadInput, "git knows no such revision here."),
        ("git:v0", MissingInput, "no corpus was kept with this revision. Keep the one in"),
    ]:
        with pytest.raises(error) as caught:
            build(2, 10, name)
        assert str(caught.value).startswith(f"preprocess.earlier_corpora, {name}: {sentence}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_stage_builds_on_the_corpus_of_its_own_earlier_commit(
    new_project: Callable[..., Any],
) -> None:
    project = new_project()
    settings = project.root / "params.yaml"
    text = settings.read_text("utf-8").replace("[python-docs, dialogues, folder]", "[folder]")
    settings.write_text(text.replace("share: 0.02", "share: 0.3"), "utf-8")

    def add(start: int, stop: int) -> None:
        for n in range(start, stop):
            path = project.root / "corpus" / f"note{n}.md"
            path.write_text(f"# Note {n}\n\nThe workshop opens at nine, as note {n} says.\n")

    def report() -> dict[str, Any]:
        return json.loads((project.root / "reports/preprocess.json").read_text("utf-8"))

    add(0, 20)
    project.do("dvc", "repro", "preprocess")
    documents = sum(report()["documents"].values())
    project.do("git", "add", "-A")
    project.do("git", "commit", "-q", "-m", "last week")
    project.do("git", "tag", "last-week")
    commit = project.do("git", "rev-parse", "HEAD").strip()

    refused = project.run(
        "chatwright", "plan", "--set", "preprocess.earlier_corpora=[git:lastweek]"
    )
    assert refused.returncode == 2
    assert "preprocess.earlier_corpora, git:lastweek: git knows no such" in refused.stderr

    text = settings.read_text("utf-8")
    settings.write_text(text.replace("earlier_corpora: []", "earlier_corpora: [git:last-week]"))
    add(20, 40)
    said = project.do("dvc", "repro", "preprocess")
    assert f"git:last-week (commit {commit[:7]}), {documents} documents: has {documents} of" in said
    assert sum(report()["documents"].values()) == 20
    told = report()["earlier_corpora"]["git:last-week"]
    assert told["commit"] == commit and told["equal"] == documents
    assert "didn't change, skipping" in project.do("dvc", "repro", "preprocess")
