"""DVC versions the corpus: an older commit gives the older corpus back, byte for byte."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def digests(project: Any) -> dict[str, str]:
    return {
        str(file.relative_to(project.root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for name in ("data/raw", "data/clean")
        for file in sorted((project.root / name).rglob("*.parquet"))
    }


def test_an_older_corpus_comes_back_from_the_remote(
    new_project: Callable[..., Any], tmp_path: Path
) -> None:
    project = new_project()
    project.do("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    settings = (project.root / "params.yaml").read_text("utf-8")
    settings = settings.replace("[python-docs, dialogues, folder]", "[folder]")
    for share in ("validation_share: 0.02", "test_share: 0.05"):  # of 60 documents
        assert share in settings
        settings = settings.replace(share, share.split(":")[0] + ": 0.3")
    (project.root / "params.yaml").write_text(settings, "utf-8")

    def build(text: str) -> dict[str, str]:
        for number in range(60):  # enough for every split to have some
            (project.root / "corpus" / f"note{number}.md").write_text(
                f"# Note {number}\n\n{text}, as note number {number} says at some length.\n"
            )
        project.do("dvc", "repro", "preprocess")
        project.do("git", "add", "-A")
        project.do("git", "commit", "-q", "-m", text)
        project.do("dvc", "push")
        return digests(project)

    old = build("The workshop opens at nine")
    new = build("The workshop opens at ten")
    assert old.keys() == new.keys() and old != new

    difference = json.loads(project.do("dvc", "metrics", "diff", "HEAD~1", "--json"))
    hashes = difference["reports/preprocess.json"]["corpus_sha256"]
    assert hashes["old"] != hashes["new"]

    shutil.rmtree(project.root / "data")
    shutil.rmtree(project.root / ".dvc" / "cache")
    project.do("git", "checkout", "-q", "HEAD~1", "--", "dvc.lock")
    project.do("dvc", "pull", "data/raw", "data/clean")
    assert digests(project) == old
    project.do("git", "checkout", "-q", "HEAD", "--", "dvc.lock")
    project.do("dvc", "pull", "data/raw", "data/clean")
    assert digests(project) == new
