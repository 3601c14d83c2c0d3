"""Shards of a corpus: which rows they hold, and how few of them another version changes."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks import shard_borders, shard_file
from tasks.row_tables import sizes
from tasks.table_shards import TableShards

SCHEMA = pa.schema([pa.field("id", pa.string()), pa.field("text", pa.string())])


def table(numbers: list[int], length: int = 500) -> pa.Table:
    ids = [f"web/{number:06d}" for number in numbers]
    texts = [f"{number} " * (length // (1 + len(str(number)))) for number in numbers]
    return pa.table({"id": ids, "text": texts}, SCHEMA)


def written(folder: Path, rows: pa.Table, *, at_once: int, shard_rows: int = 10_000) -> list[bytes]:
    with TableShards(folder, SCHEMA, shard_rows=shard_rows) as shards:
        for start in range(0, rows.num_rows, at_once):
            shards.add(rows.slice(start, at_once))
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_borders, "SHARD_SIZE", 50_000)
    monkeypatch.setattr(shard_borders, "LEAST_SIZE", 50_000 // 4)
    monkeypatch.setattr(shard_borders, "MOST_SIZE", 50_000 * 4)
    monkeypatch.setattr(shard_file, "GROUP_SIZE", 20_000)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_how_rows_come_in_does_not_show(tmp_path: Path, at_once: int) -> None:
    rows = pa.concat_tables([table(list(range(900))), table([900], 300_000), table([901, 902])])
    with TableShards(tmp_path / "a", SCHEMA, shard_rows=10_000) as shards:
        for start in range(0, rows.num_rows, at_once):
            shards.add(rows.slice(start, at_once))
            shards.add(rows.slice(0, 0))
    found = [path.read_bytes() for path in sorted((tmp_path / "a").iterdir())]
    assert found == written(tmp_path / "b", rows, at_once=rows.num_rows)


@pytest.mark.usefixtures("small_shards")
def test_a_shard_is_neither_short_nor_long(tmp_path: Path) -> None:
    written(tmp_path, table(list(range(4_000))), at_once=300)
    found = [pq.read_table(path) for path in sorted(tmp_path.iterdir())]
    assert pa.concat_tables(found).equals(table(list(range(4_000))))
    of_shards = [int(sizes(each).sum()) for each in found]
    assert min(of_shards[:-1]) >= 50_000 // 4
    assert max(of_shards) <= 4 * 50_000 + 2_000
    assert 35_000 < sum(of_shards) / len(of_shards) < 65_000
    groups = pq.read_metadata(tmp_path / "part-00001.parquet")
    assert groups.num_row_groups == -(-of_shards[1] // 20_900)  # 20,000, and the row that ends one


@pytest.mark.usefixtures("small_shards")
def test_a_document_more_changes_the_shard_that_it_is_in(tmp_path: Path) -> None:
    numbers = list(range(0, 8_000, 2))
    before = set(written(tmp_path / "before", table(numbers), at_once=1_000))
    chance = random.Random(3)
    changed = []
    for number in range(20):
        more = sorted([*numbers, 2 * chance.randrange(4_000) + 1])
        after = set(written(tmp_path / str(number), table(more), at_once=1_000))
        changed.append(len(after - before))
    assert len(before) > 60
    assert sorted(changed)[10] == 1
    assert max(changed) <= 3  # where it makes a border, or the shard is full


def test_no_rows_make_one_file_and_few_rows_make_as_many_as_are_asked_for(tmp_path: Path) -> None:
    assert len(written(tmp_path / "none", table([]), at_once=1)) == 1
    assert pq.read_schema(tmp_path / "none" / "part-00000.parquet").equals(SCHEMA)
    written(tmp_path / "ten", table(list(range(95))), at_once=95, shard_rows=10)
    rows = [pq.read_metadata(path).num_rows for path in sorted((tmp_path / "ten").iterdir())]
    assert rows == [10] * 9 + [5]
