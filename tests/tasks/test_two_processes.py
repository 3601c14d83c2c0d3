"""Pretraining by two processes: the same course as one, exact resumes, one sentence of what fails."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

STEPS, ROWS, CONTEXT = 50, 4, 64
BASE: dict[str, Any] = {
    "model": {"size": "tiny", "hidden_size": 32, "num_layers": 2, "num_heads": 2},
    "pretrain": {
        "tokens": STEPS * ROWS * CONTEXT,
        "batch_size": ROWS,
        "learning_rate": 0.01,
        "precision": "fp32",
        "checkpoint_seconds": 1000,
    },
}


@pytest.fixture
def project_with(new_project: Callable[..., Any], tiny_line: Path) -> Callable[..., Any]:
    """Makes projects with rows and a tokenizer, and these choices for pretraining."""

    def make(name: str = "project", dropout: float = 0.0, **choices: Any) -> Any:
        project = new_project(name)
        project.environment["OMP_NUM_THREADS"] = "1"
        (project.root / "data").mkdir(exist_ok=True)
        (project.root / "artifacts").mkdir(exist_ok=True)
        shutil.copytree(tiny_line / "tokens", project.root / "data/tokens")
        shutil.copytree(tiny_line / "tokenizer", project.root / "artifacts/tokenizer")
        choose(project, model={**BASE["model"], "dropout": dropout}, pretrain=BASE["pretrain"])
        choose(project, pretrain=choices)
        return project

    return make


def choose(project: Any, **sections: dict[str, Any]) -> None:
    yaml = YAML(typ="safe")
    path = project.root / "params.yaml"
    tree = yaml.load(path.read_text(encoding="utf-8"))
    for section, choices in sections.items():
        tree[section].update(choices)
    with open(path, "w", encoding="utf-8") as file:
        yaml.dump(tree, file)


def curve(project: Any) -> list[dict[str, Any]]:
    return json.loads((project.root / "reports/plots/learning_curve.json").read_text("utf-8"))


def sha256(project: Any) -> str:
    path = project.root / "artifacts/base/model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at_work(project: Any) -> list[psutil.Process]:
    """The processes that pretrain in a project."""
    found = []
    for process in psutil.process_iter():
        try:
            if "tasks.pretrain" in process.cmdline() and process.cwd() == str(project.root):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(happened: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


def steps_kept(project: Any) -> int:
    kept = (project.root / ".chatwright" / "pretrain").glob("*/step-*.safetensors")
    return max((int(path.name[5:14]) for path in kept), default=-1)


def has_kept(project: Any, steps: int) -> Callable[[], bool]:
    return lambda: steps_kept(project) >= steps


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [{}, {"optimizer": "adamw", "accumulate": 2}, {"objective": "mixed", "label_smoothing": 0.1}],
)
def test_two_processes_have_the_loss_curve_of_one_with_the_same_batches(
    project_with: Callable[..., Any], choices: dict[str, Any]
) -> None:
    one = project_with("one", **choices)
    one.do("stage", "pretrain")
    two = project_with("two", devices=2, **choices)
    said = two.run("stage", "pretrain")
    assert said.returncode == 0 and said.stderr == "", said.stderr
    assert said.stdout.count("done in") == 1
    assert [(p["step"], p["split"]) for p in curve(two)] == [
        (p["step"], p["split"]) for p in curve(one)
    ]
    assert len([p for p in curve(two) if p["split"] == "train"]) == STEPS
    # They are noted to four places, so two that are equal to 1e-4 may differ by one of the last.
    for ours, expected in zip(curve(two), curve(one), strict=True):
        assert ours["loss"] == pytest.approx(expected["loss"], abs=1.01e-4), (ours, expected)
    assert at_work(two) == []
