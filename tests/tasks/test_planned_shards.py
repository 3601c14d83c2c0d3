"""Shards that are known by their rows: what is written of them, and what is only linked."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.kept_shards import KeptShards
from tasks.planned_shards import PlannedShards, ShardPlan

SCHEMA = pa.schema([("id", pa.string())])
OTHER = pa.schema([("id", pa.string()), ("text", pa.string())])


def rows(*numbers: int) -> pa.Table:
    return pa.table({"id": [f"{number:03d}" for number in numbers]}, SCHEMA)


def plan_of(table: pa.Table, schema: pa.Schema = SCHEMA) -> ShardPlan:
    plan = ShardPlan(schema, shard_rows=3)
    ids = table["id"].to_pylist()
    plan.add(ids, np.ones(len(ids), np.int64), [name.encode() for name in ids])
    return plan


def run(folder: Path, table: pa.Table) -> list[bool]:
    """Write rows as a stage does, and say of each whether it was written."""
    new, out = folder / "new", folder / "out"
    kept = KeptShards(folder / "list.json", {new: out})
    with PlannedShards(new, plan_of(table), kept) as shards:
        lacking = table.filter(pa.array(shards.lacking))
        for start in range(0, lacking.num_rows, 2):
            shards.add(lacking.slice(start, 2))
    kept.save()
    for path in out.glob("*"):
        path.unlink()
    out.mkdir(exist_ok=True)
    for path in new.iterdir():
        path.rename(out / path.name)
    return shards.lacking.tolist()


def ids_in(folder: Path) -> list[str]:
    tables = [pq.read_table(path) for path in sorted(folder.iterdir())]
    return pa.concat_tables(tables)["id"].to_pylist()


@pytest.fixture(params=["links", "copies"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    if request.param == "copies":  # another file system, or one without links

        def refuse(*paths: Path) -> None:
            raise OSError("no links here")

        monkeypatch.setattr(os, "link", refuse)
    return tmp_path


def test_only_shards_with_other_rows_are_written(project: Path) -> None:
    assert run(project, rows(*range(8))) == [True] * 8
    assert run(project, rows(*range(8))) == [False] * 8
    # The first row goes, so all shards hold others, three rows each.
    assert run(project, rows(*range(1, 8))) == [True] * 7
    assert run(project, rows(*range(1, 7), 9)) == [False] * 6 + [True]
    assert ids_in(project / "out") == rows(*range(1, 7), 9)["id"].to_pylist()


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_shard_that_is_no_longer_there_is_written(project: Path, damage: str) -> None:
    run(project, rows(*range(8)))
    path = project / "out" / "part-00001.parquet"
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    assert run(project, rows(*range(8))) == [False] * 3 + [True] * 3 + [False] * 2
    assert ids_in(project / "out") == rows(*range(8))["id"].to_pylist()


def test_no_rows_make_one_file_with_the_columns(project: Path) -> None:
    run(project, rows())
    run(project, rows())
    assert [path.name for path in (project / "out").iterdir()] == ["part-00000.parquet"]
    assert pq.read_schema(project / "out" / "part-00000.parquet").equals(SCHEMA)


def test_other_columns_make_another_shard() -> None:
    [one], [other] = (plan_of(rows(1), schema).finish() for schema in (SCHEMA, OTHER))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("given", [range(7), range(10)])
def test_rows_that_were_not_planned_are_an_error(tmp_path: Path, given: Sequence[int]) -> None:
    kept = KeptShards(tmp_path / "list.json", {tmp_path: tmp_path})
    with (
        pytest.raises(ValueError, match=r"rows (fewer|more) than were planned"),
        PlannedShards(tmp_path, plan_of(rows(*range(8))), kept) as shards,
    ):
        shards.add(rows(*given))
