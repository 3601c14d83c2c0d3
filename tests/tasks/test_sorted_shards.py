"""Rows that do not fit into memory come out as if they had been sorted there."""

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sorted_shards import SortedShards

SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("text", pa.string())])


def written(folder: Path, ids: list[str], *, run_size: int, shard_rows: int = 10) -> list[bytes]:
    with SortedShards(folder, SCHEMA, shard_rows=shard_rows, run_size=run_size) as shards:
        for name in ids:
            shards.add({"id": name, "text": f"text of {name}"})
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@settings(max_examples=15, deadline=None)
@given(st.sets(st.text(st.characters(codec="utf-8"), max_size=4), max_size=60), st.randoms())
def test_the_order_and_the_memory_do_not_show(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], chance: random.Random
) -> None:
    ids = sorted(names, key=lambda name: name.encode())
    shuffled = list(ids)
    chance.shuffle(shuffled)
    folder = tmp_path_factory.mktemp("shards")
    at_once = written(folder / "at once", ids, run_size=10**9)
    in_runs = written(folder / "in runs", shuffled, run_size=1_100)  # two or three rows each
    assert in_runs == at_once
    files = sorted((folder / "in runs").iterdir())
    assert [name for path in files for name in pq.read_table(path)["id"].to_pylist()] == ids
    sizes = [pq.read_metadata(path).num_rows for path in files]
    assert sizes == [10] * (len(ids) // 10) + [len(ids) % 10] * (len(ids) % 10 > 0 or not ids)


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="gone"):
        with SortedShards(tmp_path / "out", SCHEMA, shard_rows=2, run_size=600) as shards:
            shards.add({"id": "b", "text": "x" * 1_000})
            raise KeyError("gone")
    assert list((tmp_path / "out").iterdir()) == []


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """500 MB of text in a process that takes 350 MB more than at the start."""
    script = f"""
import pathlib, psutil, random
import pyarrow as pa
from tests.tasks.test_sorted_shards import SCHEMA
from tasks.sorted_shards import SortedShards
chance = random.Random(1)
with SortedShards(pathlib.Path({str(tmp_path / "out")!r}), SCHEMA, shard_rows=50_000, run_size=20_000_000) as shards:
    before = psutil.Process().memory_info().rss
    for number in range(5_000):
        shards.add({{"id": f"{{chance.random()}}", "text": f"{{number}} " * 20_000}})
# Not ru_maxrss, which counts the process that started this one as well.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) * 1024 - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=250
    )
    grown = int(done.stdout)
    assert grown < 350e6
