"""What this machine has not is refused before any work, by the stages' own words."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from chatwright.commands.parameters import apply_choices
from chatwright.environment import cores
from chatwright.errors import UserError
from tasks.params import load_params
from tasks.possible_here import check_here
from tests.tasks.dvc_project import begin_project

ROOT = Path(__file__).resolve().parents[2]
MORE = cores() + 1


@pytest.fixture
def folder(params_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return params_folder


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


LINE = """stages:
  ingest: {cmd: "cat corpus/* > raw", deps: [tasks, corpus], params: [ingest], outs: [raw]}
  preprocess: {cmd: cp raw clean, deps: [raw], params: [preprocess], outs: [clean]}
  tokenizer: {cmd: cp clean vocabulary, deps: [clean], params: [tokenizer], outs: [vocabulary]}
  pack: {cmd: cp clean tokens, deps: [clean, vocabulary], params: [pack], outs: [tokens]}
  pretrain: {cmd: cp tokens base, deps: [model, tokens], params: [seed, pretrain], outs: [base]}
  finetune: {cmd: cp base chat, deps: [model, base], params: [finetune], outs: [chat]}
"""


@pytest.fixture
def trained_elsewhere(folder: Path) -> Path:
    """A project that was built where there is a GPU, which this machine lacks."""
    for name in ("tasks/code.py", "model/code.py", "corpus/text.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("as it was", "utf-8")
    begin_project(LINE, folder.parent / f"{folder.name}.remote")
    apply_choices(None, ["pretrain.precision=fp16"])
    with Repo() as repo:
        repo.reproduce()
    return folder


@pytest.mark.slow
def test_a_stage_that_was_built_with_these_choices_is_not_asked_again(
    trained_elsewhere: Path,
) -> None:
    assert apply_choices(None, ["index.min_score=0.1"], check_here)
    (trained_elsewhere / "tasks/code.py").write_text("otherwise, and does the same", "utf-8")
    (trained_elsewhere / "raw").unlink()
    assert apply_choices(None, ["index.min_score=0.2"], check_here)


@pytest.mark.slow
def test_a_stage_that_other_choices_give_work_is_asked(trained_elsewhere: Path) -> None:
    for setting in (
        "pretrain.tokens=5_000",
        "seed=2",
        "pack.context_length=64",
        "ingest.sources=[folder]",
    ):
        with pytest.raises(UserError, match="fp16 needs a GPU"):
            apply_choices(None, [setting], check_here)


@pytest.mark.slow
def test_a_stage_that_other_files_give_work_is_asked(trained_elsewhere: Path) -> None:
    for name in ("corpus/text.txt", "tokens", "model/code.py"):
        path = trained_elsewhere / name
        before = path.read_text("utf-8")
        path.write_text("It was not there when it was trained.", "utf-8")
        with pytest.raises(UserError, match="fp16 needs a GPU"):
            check_here(load_params())
        path.write_text(before, "utf-8")
    check_here(load_params())
    shutil.move(".dvc/cache", "cache")
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        check_here(load_params())
    shutil.move("cache", ".dvc/cache")
    check_here(load_params())
    (trained_elsewhere / "base").unlink()  # dvc.lock came with git, and the model was not pulled
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        check_here(load_params())


def test_who_drives_has_no_use_for_torch(folder: Path) -> None:
    script = (
        "import sys\nfrom tasks.params import load_params\n"
        "from tasks.possible_here import check_here\ncheck_here(load_params())\n"
        "print(sorted({'torch', 'pytorch_lightning', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
