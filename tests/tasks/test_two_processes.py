"""Pretraining by two processes: the same course as one, exact resumes, one sentence of what fails."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
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


def has_kept(project: Any, first: subprocess.Popen[bytes], steps: int) -> Callable[[], bool]:
    """Whether a checkpoint of so many steps is there; an error if the processes end before it."""

    def kept() -> bool:
        if steps_kept(project) >= steps:
            return True
        assert first.poll() is None, project.said.read_text()
        return False

    return kept


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


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "kills"), [("ddp", (3, 20)), ("fsdp", (20,))])
def test_two_processes_that_were_killed_end_with_the_bytes_of_two_that_were_not(
    project_with: Callable[..., Any], strategy: str, kills: tuple[int, ...]
) -> None:
    # Long enough that it is still at work when the moment to kill it is seen.
    steps_of_all = 4 * STEPS
    choices = {"dropout": 0.1, "devices": 2, "strategy": strategy}
    choices["tokens"] = steps_of_all * ROWS * CONTEXT
    whole = project_with("whole", **choices)
    whole.do("stage", "pretrain")
    parts = project_with("parts", **choices, checkpoint_seconds=0)
    for steps in kills:
        first = parts.start("stage", "pretrain")
        wait_until(has_kept(parts, first, steps))
        for process in at_work(parts):
            process.send_signal(signal.SIGKILL)
        assert first.wait() == -signal.SIGKILL
        wait_until(lambda: at_work(parts) == [])
    choose(parts, pretrain={"checkpoint_seconds": 1000})
    said = parts.do("stage", "pretrain")
    assert f"of {steps_of_all}" in said and "going on from step " in said
    assert sha256(parts) == sha256(whole)
    assert curve(parts) == curve(whole)


@pytest.mark.slow
def test_a_signal_ends_both_with_a_checkpoint_and_another_number_of_processes_goes_on(
    project_with: Callable[..., Any],
) -> None:
    project = project_with(devices=2)
    choose(project, pretrain={"tokens": 100 * BASE["pretrain"]["tokens"]})
    first = project.start("stage", "pretrain")
    wait_until(has_kept(project, first, 0))
    time.sleep(1)
    os.killpg(first.pid, signal.SIGTERM)
    assert first.wait() == 130, project.said.read_text()
    assert project.said.read_text().count("pretrain: interrupted. Run again to go on.\n") == 1
    assert at_work(project) == []
    stopped_at = steps_kept(project)
    assert stopped_at > 0
    choose(project, pretrain={"devices": 1, "checkpoint_seconds": 0})
    again = project.start("stage", "pretrain")
    wait_until(has_kept(project, again, stopped_at + 2))
    again.send_signal(signal.SIGINT)
    again.wait()
    said = project.said.read_text()
    assert f"going on from step {stopped_at:,} of" in said
    changed = [line for line in said.splitlines() if "was trained by" in line]
    assert changed == [
        "pretrain: it was trained by 2 processes and goes on with 1: the same batches, other rounding"
    ]


@pytest.mark.slow
def test_a_process_that_fails_ends_all_with_its_sentence(project_with: Callable[..., Any]) -> None:
    project = project_with(devices=2)
    choose(project, pretrain={"tokens": 100 * BASE["pretrain"]["tokens"]})
    first = project.start("stage", "pretrain")
    wait_until(has_kept(project, first, 0))
    [other] = [process for process in at_work(project) if process.pid != first.pid]
    other.send_signal(signal.SIGKILL)
    assert first.wait(timeout=60) == 1
    sentence = (
        "pretrain: process 1 of 2 was ended by SIGKILL. "
        "Run again to go on; where memory ran out, take fewer devices.\n"
    )
    assert project.said.read_text().count(sentence) == 1
    assert at_work(project) == [] and not (project.root / "artifacts/base").exists()


LOSES_THE_OTHERS = """

_whole_{name} = {name}


def {name}(*given):
    if (found := launched()) and found.rank == 1:
        raise RuntimeError("[gloo] Connection reset by peer")
    return _whole_{name}(*given)
"""


@pytest.mark.slow
# Before the first has met it, which then waits for it; and in a step, which both lose.
@pytest.mark.parametrize("name", ["check_shares", "seed_step"])
def test_one_that_loses_the_others_by_itself_is_told_of(
    project_with: Callable[..., Any], name: str
) -> None:
    project = project_with(devices=2)
    with open(project.root / "model/devices.py", "a", encoding="utf-8") as file:
        file.write(LOSES_THE_OTHERS.format(name=name))
    said = project.run("stage", "pretrain", timeout=120)
    assert said.returncode == 1
    assert said.stderr.splitlines() == [
        "pretrain: process 1 of 2 lost the others (RuntimeError: [gloo] Connection reset by peer). "
        "Run again to go on."
    ]
    assert at_work(project) == []


LOSES_THE_OTHERS_AT_THE_END = """

_whole = Others.leave_the_rest_to_the_first
GRACE_SECONDS = 2.0


def leave(self):
    if is_another_rank():
        raise RuntimeError("[gloo] Connection reset by peer")
    _whole(self)
    time.sleep(3 * GRACE_SECONDS)  # it saves a large model


Others.leave_the_rest_to_the_first = leave
"""


@pytest.mark.slow
def test_one_that_loses_the_others_after_the_last_step_does_not_end_the_first_that_saves(
    project_with: Callable[..., Any],
) -> None:
    project = project_with(devices=2)
    with open(project.root / "tasks/ranks.py", "a", encoding="utf-8") as file:
        file.write(LOSES_THE_OTHERS_AT_THE_END)
    said = project.run("stage", "pretrain", timeout=120)
    assert (said.returncode, said.stderr) == (0, "")
    assert (project.root / "artifacts/base/model.safetensors").exists()
    assert at_work(project) == []


@pytest.mark.slow
def test_the_others_end_when_the_first_is_killed(project_with: Callable[..., Any]) -> None:
    project = project_with(devices=2)
    choose(project, pretrain={"tokens": 100 * BASE["pretrain"]["tokens"]})
    first = project.start("stage", "pretrain")
    wait_until(has_kept(project, first, 0))
    first.send_signal(signal.SIGKILL)
    first.wait()
    wait_until(lambda: at_work(project) == [], 10)


@pytest.mark.slow
def test_torchrun_starts_the_processes_too_and_its_numbers_hold(
    project_with: Callable[..., Any],
) -> None:
    own = project_with("own", dropout=0.1, devices=2)
    own.do("stage", "pretrain")
    project = project_with("launched", dropout=0.1)
    command = ("torchrun", "--standalone", "--nproc-per-node", "2", "-m", "tasks.pretrain")
    said = project.do(*command)
    assert said.count("done in") == 1
    assert sha256(project) == sha256(own)
    assert at_work(project) == []
