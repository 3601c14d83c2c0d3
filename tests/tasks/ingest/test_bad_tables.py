"""JSON lines and CSV as they should not be: every record is kept, or counted with its reason."""

import errno
import gzip
import json
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput
from tasks.documents import Dialogue, Document
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import FolderParams

CHINESE = "公司的员工需要提前三天提出申请，经理同意以后就可以了。"


def read(root: Path, **params: float) -> tuple[dict[str, Document | Dialogue], LeftOut]:
    left_out = LeftOut()
    found = list(folder(FolderParams(path=str(root), **params), left_out))  # type: ignore[arg-type]
    return {each.id.removeprefix("folder/"): each for each in found}, left_out


def test_zero_bytes_in_lines_of_json(tmp_path: Path) -> None:
    good = [json.dumps({"text": f"Text {n}."}).encode() for n in range(60)]
    lines = [
        *good,
        b'{"text": "Te\0xt."}',
        bytes(4096),
        b'\0\0{"text": "After a hole."}',
        bytes(9) + b'{"te',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    found, left_out = read(tmp_path)
    assert len(found) == 62
    assert (found["a.jsonl#61"].text, found["a.jsonl#63"].text) == ("Text.", "After a hole.")
    assert left_out.counts == {
        "damaged characters": 3,
        "is nothing but zero bytes": 1,
        "is not JSON": 1,
    }
    assert "a.jsonl:62: is nothing but zero bytes" in left_out.named


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_line_of_50_megabytes_is_named_and_the_next_is_read(tmp_path: Path, ending: str) -> None:
    row = '{"text": "%s"}\n' if ending == "jsonl" else '"%s"\n'
    with (tmp_path / f"a.{ending}").open("w") as file:
        file.write("text\n" if ending == "csv" else "")
        file.write("".join(row % f"Text {n}." for n in range(30)))
        file.write(row % ("x" * 50_000_000))
        file.write(row % "Last.")
    found, left_out = read(tmp_path)
    assert len(found) == 31 and found[f"a.{ending}#32"].text == "Last."
    assert sum(left_out.counts.values()) == 1
    assert left_out.named[0].startswith(f"a.{ending}:31: ")
    assert "longer than 40,000,000 bytes (ingest.folder.max_document_bytes)" in left_out.named[0]


def test_text_longer_than_a_document_may_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1_000)
    found, left_out = read(tmp_path, max_document_bytes=4_999)
    assert not found
    assert left_out.named == ["a.txt: longer than 4,999 bytes (ingest.folder.max_document_bytes)"]


@pytest.mark.parametrize(
    "encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "gb18030", "big5"]
)
def test_records_in_any_encoding_without_a_mark(tmp_path: Path, encoding: str) -> None:
    text = (
        CHINESE
        if encoding != "big5"
        else "這個公司的員工需要提前三天提出申請，經理同意以後就可以了。"
    )
    line = json.dumps({"text": text, "title": "Leave"}, ensure_ascii=False)
    (tmp_path / "a.jsonl").write_bytes(f"{line}\n{line}\n".encode(encoding))
    (tmp_path / "b.csv").write_bytes(
        f"title,text\r\nLeave,{text}\r\nLeave,{text}\r\n".encode(encoding)
    )
    found, left_out = read(tmp_path)
    assert [each.text for each in found.values()] == [text] * 4 and not left_out.counts


def test_gbk_that_is_labelled_utf_8(tmp_path: Path) -> None:
    page = f'<html><head><meta charset="utf-8"><title>请假</title></head><body><p>{CHINESE * 3}</p></body></html>'
    (tmp_path / "a.html").write_bytes(page.encode("gbk"))
    found, left_out = read(tmp_path)
    assert (found["a.html"].title, found["a.html"].text) == ("请假", CHINESE * 3)
    assert not left_out.counts


def test_undecodable_characters_are_counted_where_they_stand(tmp_path: Path) -> None:
    rows = [f"Leave,{CHINESE}\n".encode("gbk") for _ in range(60)]
    rows[30] = rows[30].replace("员".encode("gbk"), b"\xff")
    (tmp_path / "a.csv").write_bytes(b"title,text\n" + b"".join(rows))
    lines = [json.dumps({"text": CHINESE}, ensure_ascii=False).encode("gbk") for _ in range(60)]
    lines[7] = lines[7].replace("员".encode("gbk"), b"\xff")
    (tmp_path / "b.jsonl").write_bytes(b"\n".join(lines))
    found, left_out = read(tmp_path)
    assert len(found) == 120 and "\ufffd" in found["a.csv#31"].text
    assert found["a.csv#31"].meta["damaged_characters"] >= 1  # type: ignore[union-attr]
    assert left_out.counts["damaged characters"] == sum(
        e.text.count("\ufffd") for e in found.values()
    )
    assert left_out.named == ["a.csv:31: damaged characters", "b.jsonl:8: damaged characters"]


def test_damage_far_behind_the_beginning_is_counted(tmp_path: Path) -> None:
    row = f"Leave,{CHINESE * 10}\n".encode()
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(b"title,text\n" + row * 2_000 + b"Bad,\xff\xfe broken\n" + row)
    found, left_out = read(tmp_path)
    assert len(found) == 2_002 and found["a.csv#2001"].text == "\ufffd\ufffd broken"
    assert left_out.named == ["a.csv:2001: damaged characters"]


def test_half_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    lines = [
        '{"text": "a\\ud800b", "title": "t\\udc00"}',
        '{"messages": [{"role": "user", "content": "\\ud83d"}, {"role": "assistant", "content": "\\ud83d\\ude00"}]}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found, left_out = read(tmp_path)
    document, dialogue = found.values()
    assert isinstance(document, Document) and isinstance(dialogue, Dialogue)
    assert (document.text, document.title) == ("a\ufffdb", "t\ufffd")
    assert [message["content"] for message in dialogue.messages] == ["\ufffd", "😀"]
    assert left_out.counts == {"damaged characters": 2}


@pytest.mark.parametrize("line", ["[" * 100_000, "1" * 5_000, '{"text": ' + "9" * 5_000 + "}"])
def test_json_that_breaks_parsers_is_a_broken_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    found, left_out = read(tmp_path, max_broken_share=1)
    assert not found and sum(left_out.counts.values()) == 1


def test_missing_field_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Text."}\n{"words": "No text."}\n{"text": null}\n')
    found, left_out = read(tmp_path)
    assert list(found) == ["a.jsonl#1"]
    assert left_out.counts == {
        "record without text, content, body or messages": 1,
        "record with an empty text": 1,
    }


GOOD = "".join(f'Title {n},"A, b {n}"\n' for n in range(40))


@pytest.mark.parametrize(
    "row", ['He,"she said "hi" to me"', 'He,"she said "hi", then left"', 'He,""hi" she said"']
)
def test_quotes_inside_quotes_are_counted_not_guessed(tmp_path: Path, row: str) -> None:
    (tmp_path / "a.csv").write_text(f"title,text\n{GOOD}{row}\nLast,Fine.\n")
    found, left_out = read(tmp_path)
    assert len(found) == 41 and found["a.csv#42"].text == "Fine."
    assert sum(left_out.counts.values()) == 1 and left_out.named[0].startswith("a.csv:41: ")


def test_quotes_doubled_or_escaped_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('title,text\nOne,"she said ""hi, you"" to me"\n')
    (tmp_path / "b.csv").write_text('title,text\nOne,"she said \\"hi, you\\" to me"\n')
    found, _ = read(tmp_path)
    assert [each.text for each in found.values()] == ['she said "hi, you" to me'] * 2


def test_quote_that_never_ends_does_not_hide_what_came_before(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'title,text\n{GOOD}Open,"never closed\nmore\nand more\n')
    found, left_out = read(tmp_path)
    assert len(found) == 40 and left_out.counts == {"is not a row": 1}


def test_page_break_or_line_separator_in_a_cell_ends_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("title,text\nOne,a\u2028b\x0cc\n", encoding="utf-8", newline="")
    found, left_out = read(tmp_path)
    assert found["a.csv#1"].text == "a\u2028b\x0cc" and not left_out.counts


def test_file_that_is_mostly_broken_is_refused_after_all(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('title,text\nOne,"a "b" c"\nTwo,Fine.\n')
    with pytest.raises(
        BadInput, match=r"a\.csv: 1 of 2 records are broken.*a\.csv:1, is not a row"
    ):
        read(tmp_path)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = json.dumps({"text": "word " * 400}) + "\n"
    with gzip.open(tmp_path / "a.jsonl.gz", "wt", compresslevel=1) as file:
        for _ in range(100):
            file.write(line * 1_000)  # 200 MB
    process, documents, grown = psutil.Process(), 0, 0
    before = process.memory_info().rss
    limits = FolderParams(path=str(tmp_path), max_expansion=1_000)
    for documents, _ in enumerate(folder(limits, LeftOut()), start=1):  # noqa: B007
        if documents % 1_000 == 0:
            grown = max(grown, process.memory_info().rss - before)
    assert documents == 100_000 and grown < 50_000_000


def test_header_longer_than_a_record_may_be_is_named(tmp_path: Path) -> None:
    header = ",".join(["text", *(f"c{n}" for n in range(400))])
    (tmp_path / "a.csv").write_text(f"{header}\n{','.join(['hello'] * 401)}\n")
    found, left_out = read(tmp_path, max_document_bytes=1_000)
    assert not found
    assert left_out.named == [
        "a.csv: has a header that cannot be read: longer than 1,000 bytes"
        " (ingest.folder.max_document_bytes)"
    ]


@pytest.mark.parametrize("blank", ["\n", "\r\n\r\n", "  \n", " , \n", "\ufeff\n"])
def test_blank_lines_before_the_header_are_passed_over(tmp_path: Path, blank: str) -> None:
    (tmp_path / "a.csv").write_text(f"{blank}text,title\nHello world.,One\n", newline="")
    found, left_out = read(tmp_path)
    assert {key: each.text for key, each in found.items()} == {"a.csv#1": "Hello world."}  # type: ignore[union-attr]
    assert not left_out.counts


def test_values_of_parquet_that_are_too_long_or_not_utf8_are_named(tmp_path: Path) -> None:
    texts = [b"First.", b"word " * 1_000, b"ab\xff\xfe", "最后。".encode()]
    binary = pa.array(texts, pa.binary())
    column = pa.StringArray.from_buffers(4, binary.buffers()[1], binary.buffers()[2])
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    found, left_out = read(tmp_path, max_document_bytes=1_000, max_broken_share=1)
    assert {key: each.text for key, each in found.items()} == {  # type: ignore[union-attr]
        "a.parquet#1": "First.",
        "a.parquet#4": "最后。",
    }
    assert left_out.named == [
        "a.parquet:2: longer than 1,000 bytes (ingest.folder.max_document_bytes)",
        "a.parquet:3: is not in UTF-8",
    ]


@pytest.mark.parametrize("is_dictionary", [True, False])
def test_long_values_that_rows_of_a_parquet_share_do_not_fill_the_memory(
    tmp_path: Path, is_dictionary: bool
) -> None:
    # Stored once, 60 MB; as texts, these rows would be 1.8 GB.
    texts = pa.array([letter * 20_000_000 for letter in "xyz"])
    rows = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2] * 30, pa.int32()), texts)
    pq.write_table(pa.table({"text": rows}), tmp_path / "a.parquet", store_schema=is_dictionary)
    del texts, rows
    before = psutil.Process().memory_info().rss
    number = most = 0
    for each in folder(FolderParams(path=str(tmp_path), max_expansion=10_000), LeftOut()):
        assert len(each.text) == 20_000_000  # type: ignore[union-attr]
        number += 1
        most = max(most, psutil.Process().memory_info().rss - before)
    assert number == 90 and most < 1_000_000_000


EXPANDS = "expands more than 200-fold (ingest.folder.max_expansion)"


@pytest.mark.parametrize("is_dictionary", [True, False])
def test_a_parquet_that_expands_a_thousandfold_is_stopped(
    tmp_path: Path, is_dictionary: bool
) -> None:
    text = pa.array(["".join(f"word{number} " for number in range(10_000))])  # 89 kB
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), text)
    pq.write_table(pa.table({"text": rows}), tmp_path / "a.parquet", store_schema=is_dictionary)
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    found, left_out = read(tmp_path)
    assert len(found) < 400, "as much as the limit lets through: 20 MB"
    assert left_out.counts == {EXPANDS: 1}


def test_a_page_of_a_parquet_that_expands_a_thousandfold_is_not_unpacked(tmp_path: Path) -> None:
    texts = pa.table({"text": ["a" * 30_000_000, "b"]})
    pq.write_table(texts, tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 20_000
    found, left_out = read(tmp_path)
    assert not found and left_out.counts == {EXPANDS: 1}


def test_columns_that_are_not_read_do_not_count_as_expanding(tmp_path: Path) -> None:
    texts = pa.table({"text": ["Fine.", "Good."], "picture": ["a" * 30_000_000, "b"]})
    pq.write_table(texts, tmp_path / "a.parquet", compression="zstd")
    assert len(read(tmp_path)[0]) == 2


def test_a_full_disk_is_no_fault_of_a_packed_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    with gzip.open(tmp_path / "a.parquet.gz", "wb") as packed:
        packed.write((tmp_path / "a.parquet").read_bytes())
    monkeypatch.setattr("tasks.ingest.open_file.shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        read(tmp_path)
