"""Work is done by processes of this machine or by a Dask cluster, and a worker's death is told."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest
from ruamel.yaml import YAML

from chatwright.errors import BadInput, MissingInput, ServiceUnavailable, WorkerDied
from tasks.executor import Workers, ordered_map, workers
from tasks.params_executor import ExecutorParams

ROOT = Path(__file__).resolve().parents[2]
TWO = ExecutorParams(workers=2)
LARGE = 10**9


def doubled(number: int) -> int:
    time.sleep(0.02 * (number % 3))  # later ones are done before earlier ones
    return 2 * number


def process(number: int) -> int:
    return os.getpid()


def killed_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_while_it_sends() -> None:
    def send_half(self: Connection, content: memoryview) -> None:
        half = bytes(content[: len(content) // 2])
        os.write(self.fileno(), struct.pack("!i", len(content)) + half)
        os.kill(os.getpid(), signal.SIGKILL)

    Connection._send_bytes = send_half  # type: ignore[attr-defined]


def refused(number: int) -> int:
    raise BadInput("here", f"{number} is wrong", "Mend it")


def refused_or_endless(number: int) -> int:
    if number:
        time.sleep(600)
    raise BadInput("here", f"{number} is wrong", "Mend it")


def test_who_does_the_work_decides_no_result() -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
    watched = [key for stage in stages.values() for key in stage.get("params", [])]
    assert watched and not any(key.split(".")[0] == "executor" for key in watched)


def test_results_come_in_order_and_few_are_in_flight() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    with workers(TWO, text_bytes=LARGE) as there:
        for place, result in enumerate(ordered_map(there, doubled, numbers())):
            assert result == 2 * place
            assert len(taken) <= place + 6, "more than four are in flight"


def test_little_work_is_done_in_this_process() -> None:
    here = os.getpid()
    with workers(TWO, text_bytes=1_000) as there:
        assert set(ordered_map(there, process, range(9))) == {here}
    with workers(ExecutorParams(workers=1), text_bytes=LARGE) as there:
        assert set(ordered_map(there, process, range(9))) == {here}
    with workers(TWO, text_bytes=LARGE) as there:
        elsewhere = set(ordered_map(there, process, range(9)))
        assert here not in elsewhere
    assert not any(psutil.pid_exists(each) for each in elsewhere)


def test_a_worker_that_is_killed_is_told_in_one_sentence() -> None:
    with pytest.raises(WorkerDied, match=r"^executor\.workers: a worker process was killed.*again"):
        with workers(TWO, text_bytes=LARGE) as there:
            list(ordered_map(there, killed_at_three, range(9)))


def test_what_a_worker_says_is_wrong_comes_as_it_was_said() -> None:
    with pytest.raises(BadInput, match=r"^here: 0 is wrong\. Mend it\.$"):
        with workers(TWO, text_bytes=LARGE) as there:
            list(ordered_map(there, refused, range(9)))


@pytest.mark.timeout(60)  # it waits for no work that is under way
def test_an_error_ends_work_that_nobody_waits_for() -> None:
    with (
        pytest.raises(BadInput, match="0 is wrong"),
        workers(TWO, text_bytes=LARGE) as there,
    ):
        for _ in ordered_map(there, refused_or_endless, range(4)):
            pass


def test_workers_end_with_the_stage_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tasks.executor import *; from time import sleep\n"
        "if __name__ == '__main__':\n"
        "    with workers(ExecutorParams(workers=2), text_bytes=10**9) as there:\n"
        "        print(*[f.result() for f in [there.executor.submit(os.getpid) for _ in range(2)]])\n"
        "        sys.stdout.flush(); sleep(60)\n"
    )
    (tmp_path / "stage.py").write_text(code)
    stage = subprocess.Popen(
        [sys.executable, str(tmp_path / "stage.py"), str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    assert stage.stdout is not None
    pids = {int(pid) for pid in stage.stdout.readline().split()}
    stage.kill()
    stage.wait()
    for _ in range(100):
        if not any(psutil.pid_exists(pid) for pid in pids):
            break
        time.sleep(0.1)
    assert pids and not any(psutil.pid_exists(pid) for pid in pids)


def test_a_cluster_that_cannot_be_used_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("tasks.executor.ANSWER_SECONDS", 1)
    # The port of "discard", which nobody serves.
    nobody = ExecutorParams(address="tcp://127.0.0.1:9")
    with pytest.raises(
        ServiceUnavailable, match=r"^executor\.address, tcp://127\.0\.0\.1:9: nobody"
    ):
        with workers(nobody, text_bytes=0):
            pass
    with pytest.raises(ServiceUnavailable, match="that is no address"):
        with workers(ExecutorParams(address="nonsense://x:1"), text_bytes=0):
            pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingInput, match=r'pip install "chatwright\[cluster\]"'):
        with workers(nobody, text_bytes=0):
            pass


@pytest.mark.slow
def test_a_cluster_without_workers_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("tasks.executor.ANSWER_SECONDS", 2)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        with pytest.raises(ServiceUnavailable, match="the cluster has no worker"):
            with workers(ExecutorParams(address=cluster.scheduler_address), text_bytes=0):
                pass


def at_work(there: Workers) -> None:
    list(ordered_map(there, killed_at_three, range(9)))


@pytest.mark.slow
def test_work_that_kills_every_worker_of_a_cluster_is_told_in_one_sentence() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        with pytest.raises(WorkerDied, match="several workers of the Dask cluster died"):
            with workers(ExecutorParams(address=cluster.scheduler_address), text_bytes=0) as there:
                at_work(there)


@pytest.mark.timeout(60)
def test_a_process_that_dies_with_half_a_result_sent_is_not_waited_for() -> None:
    with (
        pytest.raises(WorkerDied, match="a worker process was killed"),
        workers(TWO, text_bytes=LARGE, begin=dies_while_it_sends) as there,
    ):
        list(ordered_map(there, doubled, range(10)))
