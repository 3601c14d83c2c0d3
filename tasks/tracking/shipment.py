"""Ships the spools of one build to MLflow: a parent run for the build, a nested run a stage.

What has been shipped is noted in the build's ``state.json`` after each batch, so that a side
process that is killed is continued by the next one; at worst a point of a curve is sent twice,
which MLflow shows as one.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from chatwright.whole_file import write_whole
from tasks.lineage import LOCK, locked_hashes
from tasks.params import leaves
from tasks.tracking.machine_samples import MachineSamples

MAX_METRICS_A_BATCH = 1000  # MLflow's own limits
LONGEST_NAME = 250


def numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    """The numeric leaves of a report, under names that MLflow takes."""
    return {
        metric_name(key): float(value)
        for key, value in leaves(tree)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def metric_name(key: str) -> str:
    """A key, which may hold a path that the user has named, as MLflow takes it.

    That is letters, digits and some marks, where slashes part names that lead nowhere else.

    >>> metric_name("earlier_corpora.../../old: 1//clean.equal")
    'earlier_corpora.../_/old_ 1/_/clean.equal'
    """
    plain = "".join(c if c.isalnum() or c in "_-./ " else "_" for c in key)
    name = "/".join("_" if part in ("", ".", "..") else part for part in plain.split("/"))
    if len(name) <= LONGEST_NAME:
        return name
    half = (LONGEST_NAME - 1) // 2
    return f"{name[:half].rstrip('/.')}_{name[-half:].lstrip('/.')}"


class BuildShipment:
    """One build's folder of spools and its runs in MLflow; ``samples`` are the machine's, which
    each run gets its part of."""

    def __init__(self, folder: Path, uri: str, experiment: str, samples: MachineSamples) -> None:
        self._folder = folder
        self._client = MlflowClient(uri)
        self._samples = samples
        self._experiment = experiment
        self._state_file = folder / "state.json"
        self._state: dict[str, Any] = {"runs": {}}
        if self._state_file.exists():
            self._state = json.loads(self._state_file.read_text(encoding="utf-8"))

    def ship(self) -> bool:
        """Ship what has been appended since the last call; True if there was anything, or a
        stage is still at work."""
        busy = False
        for spool in sorted(self._folder.glob("*.jsonl")):
            run = self._state["runs"].setdefault(spool.name, {"offset": 0, "ended": False})
            busy |= self._ship_spool(spool, run)
        busy |= self._ship_outputs()
        return busy

    def is_complete(self) -> bool:
        """Whether every stage run has ended and all of it has been shipped."""
        runs = self._state["runs"].values()
        return bool(runs) and all(run["ended"] and run.get("outputs") for run in runs)

    def remove_folder(self) -> None:
        """Forget a build that is complete."""
        shutil.rmtree(self._folder)

    def pause(self) -> None:
        """End for now; the spools stay. Outputs that DVC has not noted by now, it will not: it was
        stopped between the stage's end and its own."""
        for run in self._state["runs"].values():
            if run["ended"]:
                run["outputs"] = True
        self._save()

    def _ship_spool(self, spool: Path, run: dict[str, Any]) -> bool:
        if run["ended"]:
            return False
        with open(spool, "rb") as file:
            file.seek(run["offset"])
            lines = file.readlines()
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # still being written
        events = [json.loads(line) for line in lines]
        if not events:
            return self._notice_a_killed_stage(run)
        metrics: list[Metric] = []
        for event in events:
            if event["kind"] == "metrics":
                stamp = int(event["time"] * 1000)
                metrics += [
                    Metric(key, value, stamp, event["step"])
                    for key, value in event["values"].items()
                ]
            else:
                self._ship_event(event, run)
        for start in range(0, len(metrics), MAX_METRICS_A_BATCH):
            batch = metrics[start : start + MAX_METRICS_A_BATCH]
            self._client.log_batch(run["id"], metrics=batch)
        run["offset"] += sum(map(len, lines))
        self._save()
        if not run["ended"]:
            self._ship_samples(run, until=time.time())
        return True

    def _ship_event(self, event: dict[str, Any], run: dict[str, Any]) -> None:
        if event["kind"] == "start":
            self._start(event, run)
        elif event["kind"] == "input":
            self._log_dataset(run["id"], event["path"], event["md5"], "input")
        elif event["kind"] == "attachment":
            file = Path(event["file"])
            if file.exists():
                self._client.log_artifact(run["id"], str(file))
                shutil.rmtree(file.parent)
        elif event["kind"] == "end":
            self._end(event, run)

    def _start(self, event: dict[str, Any], run: dict[str, Any]) -> None:
        parent = self._parent(event)
        experiment_id = self._client.get_run(parent).info.experiment_id
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.source.name": f"tasks.{event['stage']}",
            "stage": event["stage"],
        }
        if event["commit"]:
            tags["mlflow.source.git.commit"] = event["commit"]
        made = self._client.create_run(
            experiment_id, int(event["time"] * 1000), tags, run_name=event["stage"]
        )
        run.update(id=made.info.run_id, stage=event["stage"], pid=event["pid"])
        run.update(sampled_until=event["time"], samples=0)
        params = [Param(key, str(value)) for key, value in leaves(event["params"])]
        self._client.log_batch(run["id"], params=params)
        self._client.update_run(parent, status="RUNNING")

    def _parent(self, event: dict[str, Any]) -> str:
        if "parent" not in self._state:
            found = self._client.get_experiment_by_name(self._experiment)
            experiment = (
                found.experiment_id if found else self._client.create_experiment(self._experiment)
            )
            tags = {"mlflow.source.name": "chatwright", "build": self._folder.name}
            if event["commit"]:
                tags["mlflow.source.git.commit"] = event["commit"]
            parent = self._client.create_run(
                experiment,
                int(event["time"] * 1000),
                tags,
                run_name=event.get("parent_name", f"build {self._folder.name}"),
            )
            params = [Param(key, str(value)) for key, value in leaves(event["all_params"])]
            self._client.log_batch(parent.info.run_id, params=params)
            self._state["parent"] = parent.info.run_id
            self._save()
        return self._state["parent"]

    def _end(self, event: dict[str, Any], run: dict[str, Any]) -> None:
        self._ship_samples(run, until=event["time"])
        stamp, parent = int(event["time"] * 1000), self._state["parent"]
        if event.get("report"):
            figures = numbers(event["report"])
            self._client.log_batch(
                run["id"], metrics=[Metric(k, v, stamp, 0) for k, v in figures.items()]
            )
            self._client.log_batch(
                parent,
                metrics=[Metric(f"{run['stage']}.{k}", v, stamp, 0) for k, v in figures.items()],
                tags=[RunTag(f"state.{run['stage']}", event["status"])],
            )
            self._client.log_dict(run["id"], event["report"], "report.json")
        self._client.set_terminated(run["id"], event["status"], stamp)
        self._client.set_terminated(parent, event["status"], stamp)
        run.update(ended=True, ended_at=event["time"], outputs=event["status"] != "FINISHED")

    def _ship_samples(self, run: dict[str, Any], until: float) -> None:
        """Log what the machine did in a run's time, as far as it has not been logged."""
        for stamp, values in self._samples.between(run["sampled_until"], until):
            metrics = [Metric(k, v, int(stamp * 1000), run["samples"]) for k, v in values.items()]
            self._client.log_batch(run["id"], metrics=metrics)
            run.update(sampled_until=stamp, samples=run["samples"] + 1)
            self._save()

    def _notice_a_killed_stage(self, run: dict[str, Any]) -> bool:
        """A stage without an end whose process is gone was killed: say so, once."""
        if "pid" not in run:
            return True
        if psutil.pid_exists(run["pid"]):
            self._ship_samples(run, until=time.time())
            return True
        self._end({"time": time.time(), "status": "KILLED"}, run)
        self._save()
        return True

    def _ship_outputs(self) -> bool:
        """Log the hashes of what a stage wrote, once DVC has noted them after its end."""
        shipped = False
        lock_time = os.path.getmtime(LOCK) if LOCK.exists() else 0.0
        for run in self._state["runs"].values():
            if run["ended"] and not run.get("outputs") and lock_time > run["ended_at"]:
                for path, md5 in locked_hashes(run["stage"], "outs").items():
                    self._log_dataset(run["id"], path, md5, "output")
                run["outputs"] = shipped = True
        if shipped:
            self._save()
        return shipped

    def _log_dataset(self, run_id: str, path: str, md5: str, context: str) -> None:
        dataset = Dataset(
            name=path, digest=md5, source_type="dvc", source=json.dumps({"path": path})
        )
        tags = [InputTag("mlflow.data.context", context)]
        self._client.log_inputs(run_id, [DatasetInput(dataset, tags)])

    def _save(self) -> None:
        write_whole(self._state_file, json.dumps(self._state))
