"""A folder's documents come one after the other, in bounded memory, and what is broken is named."""

from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.documents import (
    DIALOGUE_SCHEMA,
    DOCUMENT_SCHEMA,
    Dialogue,
    Document,
    FolderTexts,
    read_batches,
    read_dialogues,
    read_documents,
    read_table,
    write_dialogues,
    write_documents,
)


def document(number: int) -> Document:
    return Document(f"s/{number:04d}", "s", f"T {number}", f"text {number} " * 20, "en")


def dialogue(number: int) -> Dialogue:
    said = [{"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": "Yes."}]
    return Dialogue(f"d/{number:04d}", "d", "en", "c", said)


DOCUMENTS = [document(number) for number in range(60)]
DIALOGUES = [dialogue(number) for number in range(60)]


def in_groups(path: Path, documents: list[Document]) -> pq.FileMetaData:
    """Writes a file with ten rows a group."""
    table = pa.Table.from_pylist([each.row() for each in documents], DOCUMENT_SCHEMA)
    pq.write_table(table, path, row_group_size=10, compression="zstd")
    return pq.read_metadata(path)


def test_documents_come_before_a_later_file_is_opened(tmp_path: Path) -> None:
    in_groups(tmp_path / "a.parquet", DOCUMENTS[:30])
    in_groups(tmp_path / "b.parquet", DOCUMENTS[30:])
    broken = tmp_path / "b.parquet"
    broken.write_bytes(broken.read_bytes()[:-20])
    found = read_documents(tmp_path)
    assert list(islice(found, 30)) == DOCUMENTS[:30]
    with pytest.raises(BadInput, match=r"b\.parquet: cannot be read: .*Run the stage"):
        next(found)


def test_documents_come_before_a_damaged_part_of_their_own_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    groups = in_groups(path, DOCUMENTS)
    text = groups.row_group(2).column(DOCUMENT_SCHEMA.get_field_index("text"))
    content = bytearray(path.read_bytes())
    start = text.dictionary_page_offset or text.data_page_offset
    content[start : start + text.total_compressed_size] = b"\xff" * text.total_compressed_size
    path.write_bytes(content)
    found = read_documents(tmp_path)
    assert list(islice(found, 20)) == DOCUMENTS[:20]
    with pytest.raises(BadInput, match=r"a\.parquet: cannot be read"):
        next(found)


def test_a_large_folder_is_read_in_parts(tmp_path: Path) -> None:
    documents = [document(number) for number in range(5_000)]
    write_documents(documents, tmp_path, shard_rows=4_000)
    sizes = [len(batch) for batch in read_batches(tmp_path, DOCUMENT_SCHEMA)]
    assert sum(sizes) == 5_000 and max(sizes) <= 2_000
    assert list(read_documents(tmp_path)) == documents


def test_dialogues_come_in_order(tmp_path: Path) -> None:
    write_dialogues(reversed(DIALOGUES), tmp_path, shard_rows=25)
    assert list(read_dialogues(tmp_path)) == DIALOGUES


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    write_documents(DOCUMENTS, tmp_path / "documents", shard_rows=25)
    write_dialogues(DIALOGUES, tmp_path / "dialogues")
    ids = {"s/0050", "s/0003", "nobody's"}
    assert list(read_documents(tmp_path / "documents", ids)) == [DOCUMENTS[3], DOCUMENTS[50]]
    assert list(read_documents(tmp_path / "documents", [])) == []
    assert list(read_dialogues(tmp_path / "dialogues", {"d/0007"})) == [DIALOGUES[7]]


def test_texts_can_be_gone_through_again(tmp_path: Path) -> None:
    write_documents(DOCUMENTS, tmp_path)
    texts = FolderTexts(tmp_path)
    assert list(texts) == list(texts) == [each.text for each in DOCUMENTS]


@pytest.mark.parametrize("rows", [0, 3])
def test_a_file_without_a_column_is_named(tmp_path: Path, rows: int) -> None:
    write_documents(DOCUMENTS[:rows], tmp_path / "documents")
    write_dialogues(DIALOGUES[:rows], tmp_path / "dialogues")
    for name, schema, lacks, read in (
        ("documents", DOCUMENT_SCHEMA, "meta", read_documents),
        ("dialogues", DIALOGUE_SCHEMA, "messages", read_dialogues),
    ):
        path = tmp_path / name / "part-00000.parquet"
        pq.write_table(pq.read_table(path).drop_columns([lacks]), path)
        with pytest.raises(BadInput, match=rf"{name}/part-00000\.parquet: cannot be read"):
            list(read(tmp_path / name))
        with pytest.raises(BadInput, match=rf"{name}/part-00000\.parquet: cannot be read"):
            read_table(tmp_path / name, schema)


def test_a_folder_without_files_is_named_and_one_without_rows_is_empty(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(MissingInput, match=f"{folder}: there is no Parquet file"):
            next(read_documents(folder))
    write_documents([], tmp_path / "empty")
    assert list(read_documents(tmp_path / "empty")) == []
