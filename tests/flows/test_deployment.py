"""The deployment `nightly` on a real Prefect server and worker: a scheduled run does the work."""

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.free_port import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def call(api: str, path: str, body: dict[str, Any] | list[Any]) -> Any:
    request = urllib.request.Request(
        api + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def wait_for(what: Any, seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := what():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")


def test_a_scheduled_run_does_the_work(built_project: Any) -> None:
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    started = []
    try:
        started.append(
            built_project.start("prefect", "server", "start", "--port", str(port), "--no-ui")
        )
        wait_for(lambda: urllib.request.urlopen(f"{api}/health", timeout=5).status == 200, 90)
        built_project.environment["PREFECT_API_URL"] = api
        built_project.do("prefect", "work-pool", "create", "local", "--type", "process")
        built_project.do("prefect", "--no-prompt", "deploy", "--name", "nightly")
        found = call(api, "/deployments/filter", {})
        assert [d["name"] for d in found] == ["nightly"]
        assert found[0]["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
        (built_project.root / "corpus" / "note.md").write_text(
            "# Opening hours\n\nThe workshop is open from nine to five, on Saturdays until noon.\n"
        )
        started.append(built_project.start("prefect", "worker", "start", "--pool", "local"))
        # The night is far: another schedule of the same deployment comes in a minute, once.
        soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat(timespec="seconds")
        schedule = {"interval": 36_000, "anchor_date": soon, "timezone": "UTC"}
        call(api, f"/deployments/{found[0]['id']}/schedules", [{"schedule": schedule}])
        # The database holds the runs of `chatwright run` as well, which have no deployment.
        ended = {
            "deployments": {"id": {"any_": [found[0]["id"]]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}},
        }
        (run,) = wait_for(lambda: call(api, "/flow_runs/filter", ended), 420)
        assert run["state"]["type"] == "COMPLETED", run["state"]
        tasks = call(api, "/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        states = {task["name"]: task["state"]["name"] for task in tasks}
        assert states["ingest"] == states["register"] == "Completed"
        artifacts = call(api, "/artifacts/filter", {})
        assert {a["key"] for a in artifacts} == {"build"}
        logs = call(api, "/logs/filter", {"limit": 200})
        assert any("ingest" in log["message"] for log in logs)
        assert built_project.do("dvc", "status").strip() == "Data and pipelines are up to date."
    finally:
        built_project.environment.pop("PREFECT_API_URL", None)
        (built_project.root / "corpus" / "note.md").unlink(missing_ok=True)
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=60)
