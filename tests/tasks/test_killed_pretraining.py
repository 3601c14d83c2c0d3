"""The quick preset's pretraining, killed at twenty random moments of one run."""

import hashlib
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

KILLS = 20


def overlay(tree: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict):
            overlay(tree[key], value)
        else:
            tree[key] = value


def choose(root: Path, changes: dict[str, Any]) -> None:
    """Set parameters in a project's params.yaml."""
    yaml = YAML(typ="safe")
    tree = yaml.load((root / "params.yaml").read_text(encoding="utf-8"))
    overlay(tree, changes)
    with open(root / "params.yaml", "w", encoding="utf-8") as file:
        yaml.dump(tree, file)


def steps_done(root: Path) -> int:
    kept = (root / ".chatwright" / "pretrain").glob("*/step-*.safetensors")
    return max((int(path.name[5:14]) for path in kept), default=0)


def sha256(root: Path) -> str:
    return hashlib.sha256((root / "artifacts/base/model.safetensors").read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_quick_preset_killed_at_twenty_random_moments_ends_with_the_same_bytes(
    new_project: Callable[..., Any],
) -> None:
    project = new_project()
    root = project.root
    project.environment["OMP_NUM_THREADS"] = "1"
    choose(root, YAML(typ="safe").load((root / "presets/quick.yaml").read_text(encoding="utf-8")))
    for stage in ("ingest", "preprocess", "tokenizer", "pack", "pretrain"):
        project.do("stage", stage)
    unbroken = sha256(root)
    shutil.rmtree(root / "artifacts" / "base")

    # How often a checkpoint is written does not matter to what comes out; killed as often as here,
    # a run that writes none would not come far.
    choose(root, {"pretrain": {"checkpoint_seconds": 0.0}})
    chance = random.Random(20)
    steps = [0]
    for _ in range(KILLS):
        process = project.start("stage", "pretrain")
        # While it starts, in the midst of a step, or as a checkpoint is written. 97 steps in all.
        wanted, deadline = steps[-1] + chance.randrange(8), time.monotonic() + 120
        while steps_done(root) < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, project.said.read_text()[-2000:]
        steps.append(steps_done(root))
    assert 30 < steps[-1] < 97 and not (root / "artifacts/base").exists(), steps
    said = project.do("stage", "pretrain")
    assert f"going on from step {steps[-1]:,} of 97" in said
    assert sha256(root) == unbroken
