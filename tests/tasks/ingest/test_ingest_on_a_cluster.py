"""Files are read on a Dask cluster: the same bytes as in one process, though it loses a worker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatwright.errors import ServiceUnavailable
from tasks.ingest import kept_reading
from tasks.ingest.ingest import IngestReport, ingest
from tasks.params_executor import ExecutorParams
from tasks.params_ingest import (
    DialoguesParams,
    FolderParams,
    IngestParams,
    NamedFilesParams,
    PythonDocsParams,
)
from tests.tasks.killing import killing

pytestmark = pytest.mark.slow

FILES = 200


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of three sources, good and bad ones; a segment is made of two."""
    monkeypatch.setattr(kept_reading, "PORTION_FILES", 2)
    monkeypatch.setattr("tasks.executor.SMALL_BYTES", 0)
    monkeypatch.chdir(tmp_path)
    corpus = tmp_path / "corpus"
    (corpus / "talk").mkdir(parents=True)
    for number in range(FILES):
        text = f"The station of line {number} was opened to the public in spring. " * 20
        (corpus / f"{number}.md").write_text(f"# Line {number}\n\n{text}")
        (corpus / f"{number}.jsonl").write_text('{"text": "Fine."}\n' * 30 + '{"text": ')
    for number in range(20):
        talk = {"instruction": f"Say {number}", "output": str(number)}
        (corpus / "talk" / f"{number}.json").write_text(json.dumps([talk]))
    (corpus / "nowhere.md").symlink_to("none.md")
    return corpus


@pytest.fixture
def cluster(corpus: Path) -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield cluster


def run(corpus: Path, name: str, executor: ExecutorParams) -> tuple[IngestReport, dict[str, bytes]]:
    out = Path(name)
    params = IngestParams(
        sources=["folder", "chat"],
        python_docs=PythonDocsParams(),
        dialogues=DialoguesParams(),
        folder=FolderParams(path=str(corpus)),
        chat=NamedFilesParams(paths=[f"{corpus}/talk/*"]),
    )
    folders = [out / each for each in ("raw", "dialogues", "labelled")]
    report = ingest(params, *folders, kept=out / "kept", executor=executor)
    written = [path for folder in folders for path in folder.rglob("*.parquet")]
    return report, {str(path.relative_to(out)): path.read_bytes() for path in written}


def test_a_cluster_that_loses_a_worker_reads_the_same(corpus: Path, cluster: Any) -> None:
    one = run(corpus, "one", ExecutorParams(workers=1))
    assert one[0].documents["folder"] == FILES + 30 * FILES and one[0].dialogues["chat"] == 20
    assert one[0].left_out["folder"] == {"cannot be opened": 1, "is not JSON": FILES}
    assert run(corpus, "two", ExecutorParams(workers=2)) == one

    pids = {worker.process.pid for worker in cluster.workers.values()}

    def one_half_way() -> int | None:
        done = len(list(Path("cluster/kept/folder").glob("*/*")))
        return min(pids) if done > FILES / 3 else None  # of 201 segments

    with killing(one_half_way) as killed:
        found = run(corpus, "cluster", ExecutorParams(address=cluster.scheduler_address))
    assert killed and found == one


def test_a_file_that_a_worker_does_not_see_is_one_sentence(
    corpus: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that leads elsewhere for them: through the folder in which a process works."""
    stage = corpus.parent / "stage"
    stage.mkdir()
    corpus.rename(stage / "corpus")
    monkeypatch.chdir(stage)
    with pytest.raises(ServiceUnavailable) as refusal:
        run(
            Path("/proc/self/cwd/corpus"),
            "cluster",
            ExecutorParams(address=cluster.scheduler_address),
        )
    assert str(refusal.value) == (
        "executor.address: a worker cannot open /proc/self/cwd/corpus/talk/0.json, which is there"
        " for the stage (No such file or directory). Share its folder with all workers under the"
        " same path, or set executor.address to null."
    )
