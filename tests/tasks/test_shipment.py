"""What reaches MLflow of a stage that was over before the side process had caught up."""

import contextlib
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric_name

from tasks.tracking.machine_samples import MachineSamples
from tasks.tracking.shipment import BuildShipment, numbers
from tasks.tracking.spool import (
    BEGINS,
    FOLDER,
    LOG,
    Spool,
    last_shipping_error,
    say_that_shipping_begins,
    start_shipping,
    wait_for_the_side_process,
)

ROOT = Path(__file__).resolve().parents[2]


def test_a_stage_that_ended_long_ago_has_the_system_metrics_of_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    spool = Spool("pack", {}, Path("build"))
    spool.append("start", stage="pack", pid=1, commit="", params={}, all_params={})
    samples = MachineSamples()  # its first sample is in the stage's time
    deadline = time.monotonic() + 30
    while not samples.between(0, time.time()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    spool.append("end", status="FINISHED", report={"rows": 3})
    spool.close()
    inside = len(samples.between(0, time.time()))
    while len(samples.between(0, time.time())) == inside:  # and one of later, which is not its own
        assert time.monotonic() < deadline
        time.sleep(0.05)

    BuildShipment(Path("build"), uri, "tried", samples).ship()

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("tried")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], "tags.stage = 'pack'")
    curve = client.get_metric_history(run.info.run_id, "system/cpu_utilization_percentage")
    assert [point.step for point in curve] == list(range(inside))
    assert all(0 <= point.value <= 100 for point in curve)
    assert run.info.start_time <= curve[0].timestamp <= run.info.end_time
    assert run.data.metrics["rows"] == 3


def test_why_nothing_is_taken_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    began = time.time()
    with open(LOG, "a", encoding="utf-8") as log, contextlib.redirect_stdout(log):
        say_that_shipping_begins()
        log.write("Traceback (most recent call last):\n  File ...\n")
        log.write(f"mlflow.exceptions.MlflowException: API request failed: {'x' * 900} (refused)\n")
        log.write("2026/11/26 INFO: bye\n")
    said = last_shipping_error(began)
    assert said is not None and len(said) < 320
    assert said.startswith("mlflow.exceptions.MlflowException: API request failed: xxx")
    assert said.endswith("xxx (refused)")


@pytest.mark.slow
def test_an_error_of_an_earlier_run_is_not_told_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the runs before stays in the log, whatever is written below it."""
    monkeypatch.chdir(tmp_path)
    refused = "sqlite:////proc/no/mlflow.db"  # where nobody can make a database
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    text = Path("params.yaml").read_text("utf-8")
    Path("params.yaml").write_text(text.replace("sqlite:///mlflow.db", refused), "utf-8")
    Spool("pack", {}).append("start", stage="pack", pid=1, commit="", params={}, all_params={})
    began = time.time()
    ship_beside(monkeypatch)
    said = last_shipping_error(began)
    assert said is not None and "'/proc/no'" in said

    began = time.time()
    assert last_shipping_error(began) is None
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    ship_beside(monkeypatch)
    assert said in LOG.read_text("utf-8")
    assert last_shipping_error(began) is None


def ship_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the side process and wait until it has ended."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = LOG.read_text("utf-8").count(BEGINS) if LOG.exists() else 0
    start_shipping()
    deadline = time.monotonic() + 60
    while LOG.read_text("utf-8").count(BEGINS) == before:
        assert time.monotonic() < deadline, LOG.read_text("utf-8")
        time.sleep(0.1)
    wait_for_the_side_process(60)


# What a report names may be a path, as those of preprocess.decontaminate and earlier_corpora.
PARTS = [".", "..", "/", "a", ".equal", "中文", "C:\\", " ", "git:v1", "x" * 140]


@given(key=st.text() | st.lists(st.sampled_from(PARTS)).map("".join))
@example(key="/data//old/./clean/../x")
@example(key="x" * 125 + "/../" + "y" * 300)
def test_mlflow_takes_any_name_that_a_report_may_hold(key: str) -> None:
    (name,) = numbers({"of": {key: 1}})
    _validate_metric_name(name)
