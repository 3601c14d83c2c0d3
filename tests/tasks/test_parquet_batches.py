"""Rows are read so many at once as fit in memory, and how many changes nothing."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks import parquet_batches
from tasks.corpus_folder import here
from tasks.documents import DOCUMENT_SCHEMA, Document, write_documents
from tasks.parquet_batches import bounded_tables
from tasks.preprocess import raw_documents
from tasks.preprocess.raw_documents import again, chunks, sorted_files


def written(folder: Path, lengths: list[int]) -> list[str]:
    """Documents of so many characters; returns their ids."""
    ids = [f"s/{number:05d}" for number in range(len(lengths))]
    write_documents(
        [
            Document(name, "s", "T", f"{name} " * (length // 8), "en")
            for name, length in zip(ids, lengths, strict=True)
        ],
        folder,
    )
    return ids


def test_large_documents_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    ids = written(tmp_path, [1_000_000] * 60)
    for tables in (
        list(here(tmp_path).batches(["id", "text"])),
        [
            table
            for path in sorted_files(tmp_path, tmp_path / "aside")
            for table in chunks(path, ["id", "text"])
        ],
    ):
        assert pa.concat_tables(tables)["id"].to_pylist() == ids
        assert max(table.nbytes for table in tables) < 20_000_000


def test_a_text_that_documents_share_is_unpacked_for_few_at_a_time(tmp_path: Path) -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 60, pa.int32()), ["x" * 10_000_000])
    pq.write_table(pa.table({"text": shared}), tmp_path / "a.parquet", store_schema=False)
    tables = list(here(tmp_path).batches(["text"]))
    assert [len(table) for table in tables] == [26, 26, 8], "256 MB at once"


def test_small_documents_are_read_many_at_once(tmp_path: Path) -> None:
    table = pa.table({"text": [f"{number} " * 400 for number in range(5_000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=4_500)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    tables = list(bounded_tables(file, ["text"], 2_000))
    assert [len(each) for each in tables][-1] == 500
    assert all(len(each) > 1_900 for each in tables[:2]), "put together, though 20 MB are stored"
    assert pa.concat_tables(tables).equals(table)
    assert [len(each) for each in bounded_tables(file, ["text"], 2_000, [1])] == [500]


def test_a_file_without_rows_gives_none(tmp_path: Path) -> None:
    pq.write_table(DOCUMENT_SCHEMA.empty_table(), tmp_path / "a.parquet")
    assert list(here(tmp_path).batches(["text"])) == []
    assert sorted_files(tmp_path, tmp_path / "aside") == []


def test_chunks_do_not_depend_on_how_many_rows_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_documents, "CHUNK_BYTES", 20_000)
    written(tmp_path, [number % 37 * 100 for number in range(900)])
    files, columns = sorted_files(tmp_path, tmp_path / "aside"), ["id", "text"]
    found = list(chunks(files[0], columns))
    assert len(found) > 20
    for stored, held in ((2**28, 10_000), (10_000_000, 2**24), (1, 1)):
        monkeypatch.setattr(parquet_batches, "BATCH_BYTES", stored)
        monkeypatch.setattr(parquet_batches, "HELD_BYTES", held)
        assert list(chunks(files[0], columns)) == found
        counts = [len(chunk) for chunk in found]
        assert list(again(files, columns, counts, range(len(found)))) == found
        some = [0, 3, 4, len(found) - 1]
        assert list(again(files, columns, counts, some)) == [found[number] for number in some]
        assert list(again(files, columns, counts, [])) == []
