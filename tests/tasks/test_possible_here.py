"""What this machine has not is refused before any work, by the stages' own words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from chatwright.commands.parameters import apply_choices
from chatwright.environment import cores
from chatwright.errors import UserError
from tasks.params import load_params
from tasks.possible_here import check_here

ROOT = Path(__file__).resolve().parents[2]
MORE = cores() + 1


@pytest.fixture
def folder(params_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return params_folder


def write_lock(**stages: list[str]) -> None:
    """A dvc.lock with these stages, built with these sections of params.yaml as it stands."""
    tree = YAML(typ="safe").load(Path("params.yaml").read_text("utf-8"))
    locked = {
        stage: {"params": {"params.yaml": {section: tree[section] for section in sections}}}
        for stage, sections in stages.items()
    }
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": locked}), "utf-8")
    os.utime("dvc.lock", (0, 0))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["pretrain.precision=fp16"], "pretrain.precision: fp16 needs a GPU and this machine has none."),
        (["finetune.precision=fp16"], "finetune.precision: fp16 needs a GPU and this machine has none."),
        ([f"pretrain.devices={MORE}"], f"pretrain.devices: {MORE} are asked for and this machine has "),
        (["pretrain.num_nodes=2"], "pretrain.num_nodes: 2 machines do not find each other by themselves."),
        (["pretrain.strategy=fsdp"], "pretrain.strategy: fsdp shares a model out among several processes and there is one."),
        (["pretrain.batch_size=4", "pretrain.accumulate=8"], "pretrain.accumulate: the 4 rows of each process cannot be split into 8 parts."),
        (["model.num_heads=3"], "model.num_heads: a width of 256 cannot be cut into 3 equal heads."),
        (["model.architecture=lstm", "pretrain.objective=mixed"], "pretrain.objective: mixed needs a model that sees both sides and lstm does not."),
        (["model.init=nobody/nothing", "model.num_layers=3"], "model.num_layers: the weights of nobody/nothing have their own."),
    ],
)  # fmt: skip
def test_what_a_stage_would_refuse_is_refused_and_not_written(
    folder: Path, settings: list[str], sentence: str
) -> None:
    before = (folder / "params.yaml").read_bytes()
    with pytest.raises(UserError) as error:
        apply_choices(None, settings, check_here)
    assert str(error.value).startswith(sentence)
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("package", "settings", "sentence"),
    [
        ("opencc", "preprocess.simplify_chinese=true", "preprocess.simplify_chinese: the package opencc"),
        ("faker", "preprocess.personal_data=[name]", "preprocess.personal_data: the package faker"),
        ("rjieba", "preprocess.personal_data=[name,ip]", "preprocess.personal_data: the package rjieba"),
        ("distributed", "executor.address=tcp://10.0.0.5:8786", "executor.address, tcp://10.0.0.5:8786: the package distributed"),
        ("s3fs", "ingest.folder.addresses=[s3://b/a.txt]", "ingest.folder.addresses, s3://b/a.txt: s3:// needs a package"),
        ("s3fs", "ingest.sources=[chat] ingest.chat.paths=[s3://b/a.json]", "ingest.chat.paths, s3://b/a.json: s3:// needs a package"),
    ],
)  # fmt: skip
def test_a_package_that_is_not_installed_is_missed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, package: str, settings: str, sentence: str
) -> None:
    hides = folder / "without"
    hides.mkdir()
    (hides / f"{package}.py").write_text("raise ImportError", "utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{hides}{os.pathsep}{ROOT}")
    with pytest.raises(UserError) as error:
        apply_choices(None, settings.split(), check_here)
    assert str(error.value).startswith(sentence)
    assert "pip install" in str(error.value)


@pytest.mark.parametrize(
    "settings",
    [
        ["pretrain.objective=masked"],  # whether there is a mask token the tokenizer tells
        ["pretrain.batch_size=auto", "pretrain.accumulate=64"],
        ["model.init=nobody/nothing"],
    ],
)
def test_what_can_be_is_allowed(folder: Path, settings: list[str]) -> None:
    assert apply_choices(None, settings, check_here)


def test_the_checks_themselves_do_not_fail(folder: Path) -> None:
    params = load_params().model_dump(by_alias=True, mode="json")
    asked = json.dumps({"stages": ["preprocess", "pretrain", "finetune"], "params": params})
    command = [sys.executable, "-m", "tasks.possible_here"]
    done = subprocess.run(command, input=asked, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_stage_that_was_built_with_these_choices_is_not_asked_again(folder: Path) -> None:
    """It was trained elsewhere, and `dvc commit` noted it."""
    apply_choices(None, ["pretrain.precision=fp16"])
    write_lock(pretrain=["model", "pretrain"], finetune=["finetune"])
    assert apply_choices(None, ["seed=2"], check_here)
    with pytest.raises(UserError):
        apply_choices(None, ["pretrain.tokens=5_000"], check_here)


def test_who_drives_has_no_use_for_torch(folder: Path) -> None:
    script = (
        "import sys\nfrom tasks.params import load_params\n"
        "from tasks.possible_here import check_here\ncheck_here(load_params())\n"
        "print(sorted({'torch', 'pytorch_lightning', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
