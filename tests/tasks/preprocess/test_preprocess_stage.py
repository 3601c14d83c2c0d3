"""The stage as it is run: what the build is asked is sought in its corpus, and noted as read."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tasks.documents import Document, write_documents

ROOT = Path(__file__).resolve().parents[3]
ASKED = "which of the many functions here would you take to copy a whole tree of files"
LISTED = "what is the reason that a folder cannot be removed as long as it holds a file"
# What is noted for MLflow is looked at here, so nothing is to take it away.
RUN = (
    "import tasks.stage; tasks.stage.start_shipping = lambda: None;"
    "from tasks.preprocess.__main__ import main; main()"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text("utf-8"))
    params["evaluate"]["questions"] = "own.jsonl"
    params["preprocess"] |= {"decontaminate": ["listed.jsonl"], "validation_share": 0.0}
    params["preprocess"]["test_share"] = 0.0
    with (tmp_path / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    for name, question in (("own", ASKED), ("listed", LISTED)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"question": question}) + "\n")
    texts = {"a": f"He asked {ASKED}.", "b": f"She asked {LISTED}.", "c": "Nobody asked anything."}
    rows = [Document(name, "folder", "T", text, "en") for name, text in texts.items()]
    write_documents(rows, tmp_path / "data/raw/folder")
    (tmp_path / "data/labelled").mkdir()
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_the_questions_of_the_evaluation_are_sought_and_every_set_is_noted(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "reports/preprocess.json").read_text("utf-8"))
    assert {name: each["documents"] for name, each in report["evaluation_sets"].items()} == {
        "listed.jsonl": 1,
        "own.jsonl": 1,
    }
    assert report["documents"]["train"] == 1
    (spool,) = folder.glob(".chatwright/tracking/*/*-preprocess.jsonl")
    events = [json.loads(line) for line in spool.read_text("utf-8").splitlines()]
    noted = {event["path"]: event["md5"] for event in events if event["kind"] == "input"}
    for name in ("own.jsonl", "listed.jsonl"):
        assert noted[name] == hashlib.md5((folder / name).read_bytes()).hexdigest()


def test_an_earlier_corpus_is_noted_by_its_content(folder: Path) -> None:
    old = [Document("x", "folder", "T", "Nobody  asked anything.", "en")]
    write_documents(old, folder / "old/train")
    new = [Document("d", "folder", "T", "Somebody asked nothing at all.", "en")]
    write_documents(new, folder / "data/raw/more")
    text = (folder / "params.yaml").read_text("utf-8")
    assert "earlier_corpora: []" in text
    text = text.replace("earlier_corpora: []", "earlier_corpora: [old]")
    (folder / "params.yaml").write_text(text, "utf-8")
    done = run(folder)
    assert done.returncode == 0, done.stderr
    assert "old, 1 documents: has 1 of the new ones, almost 0 more" in done.stdout
    report = json.loads((folder / "reports/preprocess.json").read_text("utf-8"))
    told = report["earlier_corpora"]["old"]
    assert (told["documents"], told["equal"], report["documents"]["train"]) == (1, 1, 1)
    (spool,) = folder.glob(".chatwright/tracking/*/*-preprocess.jsonl")
    events = [json.loads(line) for line in spool.read_text("utf-8").splitlines()]
    noted = {event["path"]: event["md5"] for event in events if event["kind"] == "input"}
    assert noted["old"] == told["content"]


def test_a_set_that_is_not_there_is_named_before_anything_is_read(folder: Path) -> None:
    (folder / "own.jsonl").unlink()
    (folder / "data/raw/folder").rename(folder / "elsewhere")
    done = run(folder)
    assert done.returncode == 2
    assert done.stderr == (
        "own.jsonl: this evaluation set cannot be read: No such file or directory."
        " preprocess.decontaminate or evaluate.questions names it.\n"
    )


def test_a_file_without_questions_asks_nothing(folder: Path) -> None:
    (folder / "own.jsonl").write_text("\n")
    assert run(folder).returncode == 0
    report = json.loads((folder / "reports/preprocess.json").read_text("utf-8"))
    assert list(report["evaluation_sets"]) == ["listed.jsonl"]
