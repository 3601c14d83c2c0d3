"""Whoever does the work, the bytes are the same: one process, two, or a cluster that loses one."""

from pathlib import Path
from random import Random

import pytest

from chatwright.errors import WorkerDied
from tasks.documents import Document, write_documents
from tasks.params import PreprocessParams
from tasks.params_executor import ExecutorParams
from tasks.preprocess import raw_documents
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tests.tasks.killing import killing

PARAMS = PreprocessParams.model_validate(
    {
        "min_characters": 10,
        "validation_share": 0.1,
        "test_share": 0.1,
        "personal_data": ["email", "phone"],
        "filters": ["gopher-repetition"],
        "near_duplicates": {},
        "duplicate_paragraphs": True,
    }
)
DOCUMENTS = 2_000


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(raw_documents, "CHUNK_BYTES", 20_000)
    monkeypatch.setattr("tasks.executor.SMALL_BYTES", 0)
    monkeypatch.setattr("tasks.preprocess.chunk_work.LITTLE_BYTES", 0)
    rows = []
    for n in range(DOCUMENTS):
        of = n - n % 4 // 3  # every fourth has the words of the one before
        words = " ".join(f"w{number}" for number in Random(of).choices(range(9_000), k=90))
        text = f"{words} v{n} {n}@a{n}.org\n\nThe same notice of forty bytes or more."
        rows.append(Document(f"m/{n:05d}", "m", f"T{n}", text, "en"))
    write_documents(rows, tmp_path / "raw")
    return tmp_path / "raw"


def run(
    raw: Path, name: str, executor: ExecutorParams
) -> tuple[PreprocessReport, dict[str, bytes]]:
    out = raw.parent / name
    report = preprocess(
        raw, out / "clean", out / "rejected", PARAMS, kept=out / "kept", executor=executor
    )
    parts = [*(out / "clean").rglob("*.parquet"), *(out / "rejected").rglob("*.parquet")]
    return report, {str(path.relative_to(out)): path.read_bytes() for path in parts}


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_writes_the_same_bytes(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    one = run(raw, "one", ExecutorParams(workers=1))
    assert one[0].work.chunks > 20 and one[0].rejected["near duplicate"] > 100
    two = run(raw, "two", ExecutorParams(workers=2))
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        pids = {worker.process.pid for worker in cluster.workers.values()}
        kept = raw.parent / "cluster" / "kept" / "formed"

        def one_half_way() -> int | None:
            is_time = kept.is_dir() and len(list(kept.iterdir())) > one[0].work.chunks / 3
            return min(pids) if is_time else None

        with killing(one_half_way) as killed:
            cluster_run = run(raw, "cluster", ExecutorParams(address=cluster.scheduler_address))
    assert killed and cluster_run == two == one
    assert len(one[1]) == 4


@pytest.mark.slow
def test_a_pool_that_loses_a_worker_says_so_and_the_next_run_goes_on(raw: Path) -> None:
    import psutil

    kept = raw.parent / "two" / "kept" / "formed"

    def one_half_way() -> int | None:
        if not kept.is_dir() or len(list(kept.iterdir())) <= 5:
            return None
        children = psutil.Process().children()
        return next((c.pid for c in children if "spawn_main" in " ".join(c.cmdline())), None)

    with killing(one_half_way), pytest.raises(WorkerDied, match="Run again to go on"):
        run(raw, "two", ExecutorParams(workers=2))
    work, files = run(raw, "two", ExecutorParams(workers=2))
    assert work.work.made["formed"] < work.work.chunks - 5
    assert files == run(raw, "one", ExecutorParams(workers=1))[1]
