"""`chatwright run` on a project of its own: the whole line, with the quick preset."""

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow import MlflowClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

STAGES = ["ingest", "preprocess", "tokenizer", "pack", "pretrain", "finetune", "compress", "index",
          "evaluate", "register"]  # fmt: skip


def stage_process(root: Path, stage: str) -> psutil.Process | None:
    """The process that builds a stage in this folder now."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        command = process.info["cmdline"] or []
        if f"tasks.{stage}" in command and "-m" in command and process.info["cwd"] == str(root):
            return process
    return None


def stage_at_work(project: Any, driver: Any, stage: str) -> psutil.Process:
    """Wait until a stage is in the middle of its work."""
    deadline = time.monotonic() + 200
    while (process := stage_process(project.root, stage)) is None:
        assert driver.poll() is None, f"{stage} never ran: {project.said.read_text()[-4000:]}"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.7)
    return process


def left_running(root: Path) -> list[list[str]]:
    """What runs in this folder, once processes that are about to end have had time to."""
    deadline = time.monotonic() + 5
    while (found := running(root)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def running(root: Path) -> list[list[str]]:
    return [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline", "cwd", "status"])
        if process.info["cwd"] == str(root) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_ends_with_a_summary_and_leaves_nothing_running(built_project: Any) -> None:
    output = built_project.first_output
    for stage in STAGES:
        assert stage in output
    assert "bits per byte" in output.lower()
    assert output.count("\n> ") >= 3, "three sample exchanges"
    assert "version 1, champion (the first)" in output
    assert "make serve" in output and "/#/experiments/" in output
    assert left_running(built_project.root) == []
    assert built_project.do("dvc", "status").strip() == "Data and pipelines are up to date."


def test_a_second_run_does_nothing_whoever_drives(built_project: Any) -> None:
    before = sha256(built_project.root / "dvc.lock")
    for folder in ("model", "tasks/ingest"):  # as a test run leaves it, which imports more
        compiled = built_project.root / folder / "__pycache__"
        compiled.mkdir(exist_ok=True)
        (compiled / "other.cpython-311.pyc").touch()
    output = built_project.do("chatwright", "run")
    assert output.count("Cached") == len(STAGES)
    assert built_project.do("dvc", "repro").count("didn't change, skipping") >= len(STAGES)
    assert sha256(built_project.root / "dvc.lock") == before
    versions = MlflowClient(f"sqlite:///{built_project.root}/mlflow.db").search_model_versions()
    assert len(versions) == 1


def test_each_stage_has_a_run_under_the_builds_run(built_project: Any) -> None:
    client = MlflowClient(f"sqlite:///{built_project.root}/mlflow.db")
    experiment = client.get_experiment_by_name("chatwright")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert [run.info.status for run in parents] == ["FINISHED"]
    children = {run.data.tags["stage"]: run for run in runs if run not in parents}
    assert set(children) == set(STAGES)
    assert all(
        run.data.tags["mlflow.parentRunId"] == parents[0].info.run_id for run in children.values()
    )
    commit = built_project.do("git", "rev-parse", "HEAD").strip()
    assert {run.data.tags["mlflow.source.git.commit"] for run in runs} == {commit}

    pretrain = children["pretrain"]
    assert len(client.get_metric_history(pretrain.info.run_id, "train_loss")) > 3
    assert any(name.startswith("system/cpu") for name in pretrain.data.metrics)
    datasets = {
        (entry.dataset.name, entry.tags[0].value): entry.dataset.digest
        for entry in pretrain.inputs.dataset_inputs
    }
    lock = built_project.do("cat", "dvc.lock")
    assert datasets[("data/tokens", "input")] in lock
    assert datasets[("artifacts/base", "output")] in lock
    assert any(
        artifact.path.endswith(".md") for artifact in client.list_artifacts(pretrain.info.run_id)
    )


def test_the_champion_answers_through_mlflow(built_project: Any) -> None:
    script = (
        "import json, mlflow; mlflow.set_tracking_uri('sqlite:///mlflow.db');"
        "model = mlflow.pyfunc.load_model('models:/chatwright@champion');"
        "asked = ['What does zip do?', [{'role': 'user', 'content': 'hello'}]];"
        "print(json.dumps([model.predict(one)[0] for one in asked]))"
    )
    about_zip, greeting = json.loads(
        built_project.do("python", "-c", script).strip().splitlines()[-1]
    )
    # The first words of zip's own docstring, as `help(zip)` prints it.
    assert "Yield tuples until an input is exhausted." in about_zip["content"]
    assert about_zip["citations"][0]["document_id"] == "python-docs/zip"
    assert greeting["content"].strip() and greeting["citations"] == []


def test_changing_one_key_rebuilds_its_stage_and_what_follows(built_project: Any) -> None:
    built_project.do("git", "add", "-A")
    built_project.do("git", "commit", "-q", "-m", "built")
    output = built_project.do("chatwright", "run", "--set", "index.passage_characters=900")
    rows = [line.split("│")[1:3] for line in output.splitlines() if line.startswith("│")]
    states = {name.strip(): state.strip() for name, state in rows if name.strip() in STAGES}
    built = {"index", "evaluate", "register"}
    assert states == {s: "Completed" if s in built else "Cached" for s in STAGES}

    changed = json.loads(built_project.do("dvc", "params", "diff", "--json"))
    change = changed["params.yaml"]["index.passage_characters"]
    assert (change["old"], change["new"]) == (1200, 900)
    assert built_project.do("dvc", "status").strip() == "Data and pipelines are up to date."


def test_dvc_shows_metrics_and_plots_and_runs_experiments(built_project: Any) -> None:
    shown = json.loads(built_project.do("dvc", "metrics", "show", "--json"))
    metrics = next(iter(shown.values()))["data"]["reports/evaluate.json"]["data"]
    assert 0 < metrics["language_model"]["compressed"]["bits_per_byte"] < 8
    page = built_project.do("dvc", "plots", "show").strip().splitlines()[-1]
    assert "learning_curve" in Path(page.removeprefix("file://")).read_text("utf-8")
    built_project.do("dvc", "exp", "run", "-S", "index.min_score=0.2", timeout=400)
    tried = json.loads(built_project.do("dvc", "params", "diff", "--json"))
    change = tried["params.yaml"]["index.min_score"]
    assert (change["old"], change["new"]) == (0.08, 0.2)
    built_project.do("git", "checkout", "-q", "--", "params.yaml", "dvc.lock")
    built_project.do("dvc", "checkout", "--force")


def test_every_stage_may_be_killed_and_the_result_is_the_same(
    built_project: Any, new_project: Any
) -> None:
    """`dvc repro` goes on after SIGKILL in each stage, to the same bytes as without."""
    project = new_project("killed")
    (project.root / "params.yaml").write_text((built_project.root / "params.yaml").read_text())
    for stage in STAGES:
        driver = project.start("dvc", "repro", "register")
        process = stage_at_work(project, driver, stage)
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass  # it was quicker
        driver.wait(timeout=100)
    project.do("dvc", "repro", timeout=600)
    assert project.do("dvc", "status").strip() == "Data and pipelines are up to date."
    for model in ("base", "chat", "compressed/int8"):
        file = f"artifacts/{model}/model.safetensors"
        assert sha256(project.root / file) == sha256(built_project.root / file), model


def test_a_run_that_is_killed_or_stopped_is_finished_by_the_next(
    built_project: Any, new_project: Any
) -> None:
    project = new_project("interrupted")
    (project.root / "params.yaml").write_text((built_project.root / "params.yaml").read_text())
    # A terminal sends Ctrl-C to the whole group, Prefect's server included; `timeout` SIGTERM.
    for kill, number, status in (
        (os.kill, signal.SIGKILL, -9),
        (os.killpg, signal.SIGINT, 130),
        (os.kill, signal.SIGTERM, 143),
        (os.killpg, signal.SIGTERM, 143),
    ):
        driver = project.start("chatwright", "run")
        process = stage_at_work(project, driver, "pretrain")
        second = project.run("chatwright", "run")
        assert second.returncode == 2 and "another `chatwright run` is at work" in second.stderr
        kill(driver.pid, number)
        assert driver.wait(timeout=60) == status
        process.wait(timeout=30)
        assert "ERROR" not in project.said.read_text("utf-8")
    output = project.do("chatwright", "run", timeout=600)
    assert "nothing changed" in output, "what had finished is not done again"
    file = "artifacts/base/model.safetensors"
    assert sha256(project.root / file) == sha256(built_project.root / file)
    assert left_running(project.root) == []
