"""What reaches MLflow of a stage that was over before the side process had caught up."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.utils.validation import _validate_metric_name

from tasks.tracking.machine_samples import MachineSamples
from tasks.tracking.shipment import BuildShipment, numbers
from tasks.tracking.spool import FOLDER, LOG, Spool, last_shipping_error


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
    build = FOLDER / "build"
    LOG.write_text("ValueError: of a build of last week\n", "utf-8")
    os.utime(LOG, (0, 0))
    Spool("pack", {}, build).close()
    assert last_shipping_error(build) is None, "it was another build's"
    with open(LOG, "a", encoding="utf-8") as log:
        log.write("Traceback (most recent call last):\n  File ...\n")
        log.write(f"mlflow.exceptions.MlflowException: API request failed: {'x' * 900} (refused)\n")
        log.write("2026/11/26 INFO: bye\n")
    said = last_shipping_error(build)
    assert said is not None and len(said) < 320
    assert said.startswith("mlflow.exceptions.MlflowException: API request failed: xxx")
    assert said.endswith("xxx (refused)")


# What a report names may be a path, as those of preprocess.decontaminate and earlier_corpora.
PARTS = [".", "..", "/", "a", ".equal", "中文", "C:\\", " ", "git:v1", "x" * 140]


@given(key=st.text() | st.lists(st.sampled_from(PARTS)).map("".join))
@example(key="/data//old/./clean/../x")
@example(key="x" * 125 + "/../" + "y" * 300)
def test_mlflow_takes_any_name_that_a_report_may_hold(key: str) -> None:
    (name,) = numbers({"of": {key: 1}})
    _validate_metric_name(name)
