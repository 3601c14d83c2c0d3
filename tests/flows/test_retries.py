"""What may pass by itself is tried again with growing pauses; a user's mistake is not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.context import get_run_context
from prefect.testing.utilities import prefect_test_harness

from flows.stages import run_stage

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

STAGE = """\
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from chatwright.errors import BadInput, ServiceUnavailable
from tasks.stage import Stage
with Stage("pack") as stage:
    out = stage.output("out.txt")
    tries = Path("tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    {body}
    out.write_text("done")
"""
PASSES = 'if len(tries.read_text()) < 3: raise ServiceUnavailable("db", "it is busy", "Wait")'
STAYS = 'raise BadInput("a.txt", "it is empty", "Fill it")'


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


def run_with(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> tuple[str, int, int]:
    """Run a flow of one stage; its state, its run count and how often its work began."""
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    (folder / "work.py").write_text(STAGE.format(root=str(ROOT), body=body))
    (folder / "dvc.yaml").write_text(
        "stages:\n  pack:\n    cmd: python work.py\n    deps: [work.py]\n"
        "    outs:\n      - out.txt: {persist: true}\n"
    )
    monkeypatch.chdir(folder)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], check=True)

    @flow(retries=0)
    def one() -> UUID:
        run_stage.with_options(name="pack").submit("pack").wait()
        return get_run_context().flow_run.id  # type: ignore[union-attr]

    run_id = one()
    with get_client(sync_client=True) as client:
        (run,) = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id]))
        )
    assert run.state is not None
    return run.state.type.value, run.run_count, len((folder / "tries").read_text())


def test_a_service_that_comes_back_is_waited_for(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with(tmp_path, monkeypatch, PASSES) == ("COMPLETED", 3, 3)
    assert (tmp_path / "out.txt").read_text() == "done"


def test_a_users_mistake_is_not_tried_again(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_with(tmp_path, monkeypatch, STAYS) == ("FAILED", 1, 1)
