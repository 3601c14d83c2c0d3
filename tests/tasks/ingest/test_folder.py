"""The user's own files: what becomes of each, and what is said of those that cannot be used."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.documents import Dialogue, Document
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import FolderParams

DATA = os.environ.get("CHATWRIGHT_TEST_DATA")


def read(
    root: Path, left_out: LeftOut | None = None, max_broken_share: float = 0.05
) -> dict[str, Document | Dialogue]:
    params = FolderParams(path=str(root), max_broken_share=max_broken_share)
    return {each.id: each for each in folder(params, left_out or LeftOut())}


def put(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def test_empty_folder_is_fine(tmp_path: Path) -> None:
    assert read(tmp_path) == {}


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"ingest\.folder\.path, .*nowhere: there is no such"):
        read(tmp_path / "nowhere")


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "file.txt", "text")
    with pytest.raises(BadInput, match="is a file"):
        read(tmp_path / "file.txt")


def test_every_format_at_any_depth(tmp_path: Path) -> None:
    put(tmp_path / "a.txt", "Leave\n\nAsk three days before.")
    put(tmp_path / "deep" / "er" / "b.md", "Intro.\n\n# Travel  \n\nTrains first.")
    put(tmp_path / "c.html", "<title>Pay</title><body><main><p>On the 25th.</p></main></body>")
    put(tmp_path / "d.jsonl", '{"text": "First."}\n\n{"content": "Second.", "title": "Two"}\n')
    put(tmp_path / "e.csv", "name,body,url\nRent,Paid monthly.,https://example.org/rent\n")
    pq.write_table(pa.table({"text": ["In a table."], "title": ["Table"]}), tmp_path / "f.parquet")
    found = read(tmp_path)
    assert {name: (each.title, each.text) for name, each in found.items()} == {
        "folder/a.txt": ("Leave", "Leave\n\nAsk three days before."),
        "folder/deep/er/b.md": ("Travel", "Intro.\n\n# Travel  \n\nTrains first."),
        "folder/c.html": ("Pay", "On the 25th."),
        "folder/d.jsonl#1": ("d 1", "First."),
        "folder/d.jsonl#3": ("Two", "Second."),
        "folder/e.csv#1": ("Rent", "Paid monthly."),
        "folder/f.parquet#1": ("Table", "In a table."),
    }
    assert found["folder/e.csv#1"].url == "https://example.org/rent"


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("x.md", "---\ntitle: 'Front matter'\n---\n# Heading\n", "Front matter"),
        ("x.md", "Setext heading\n======\n\nText", "Setext heading"),
        ("x.md", "No heading here.\n\nText", "No heading here."),
        ("x.txt", "\n\n  First line \nSecond", "First line"),
        ("notes.txt", "A paragraph " * 20, "notes"),
        ("page.html", "<h1>Only a\n heading</h1><p>Text</p>", "Only a heading"),
        ("page.html", "<p>Text</p>", "page"),
    ],
)
def test_title_is_heading_or_first_line_or_file_name(
    tmp_path: Path, name: str, content: str, title: str
) -> None:
    put(tmp_path / name, content)
    assert [each.title for each in read(tmp_path).values()] == [title]


def test_page_without_its_navigation(tmp_path: Path) -> None:
    put(
        tmp_path / "page.html",
        '<html lang="zh-CN"><head><link rel="canonical" href="https://example.org/p"></head><body>'
        '<nav><a href="/">Home</a><a href="/b">Imprint</a></nav><main><h1>T</h1><p>Body text.</p>'
        "</main><script>var secret = 1</script></body></html>",
    )
    (page,) = read(tmp_path).values()
    assert "Body text." in page.text and "Imprint" not in page.text and "secret" not in page.text
    assert (page.lang, page.url) == ("zh", "https://example.org/p")


@pytest.mark.parametrize(
    ("told", "license", "time"),
    [
        ({"license": "CC0", "date": "2020-01-01"}, "CC0", datetime(2020, 1, 1, tzinfo=UTC)),
        ({"licence": "MIT", "timestamp": "2020-01-01T02:00:00+02:00"}, "MIT", datetime(2020, 1, 1, tzinfo=UTC)),
        ({"license": ["mit", "cc0-1.0"], "added": "2020-01-01T00:00:00Z"}, "mit, cc0-1.0", datetime(2020, 1, 1, tzinfo=UTC)),
        ({"license": " ", "date": "once", "created": "20200101"}, None, datetime(2020, 1, 1, tzinfo=UTC)),
        ({"license": 7, "date": "0001-01-01T00:00+14:00"}, None, None),
        ({"license": None, "date": 20200101}, None, None),
    ],
)  # fmt: skip
def test_licence_and_time_of_a_record_are_kept(
    tmp_path: Path, told: dict[str, object], license: str | None, time: datetime | None
) -> None:
    put(tmp_path / "a.jsonl", json.dumps({"text": "Some text, which is here.", **told}))
    (found,) = read(tmp_path).values()
    assert isinstance(found, Document) and (found.license, found.fetched_at) == (license, time)


@pytest.mark.parametrize(
    ("times", "year"),
    [
        (pa.array([1_577_836_800_123_456_789], pa.timestamp("ns")), 2020),
        (pa.array([1_577_836_800], pa.timestamp("s", "Asia/Shanghai")), 2020),
        (pa.array([18_262], pa.date32()), 2020),
        (pa.array([2**52], pa.timestamp("ms")), None),  # in no year of Python's
        (pa.array([[1]], pa.list_(pa.int64())), None),
        (pa.array([7], pa.duration("ns")), None),
    ],
)
def test_times_of_a_parquet_are_kept_in_whichever_form(
    tmp_path: Path, times: pa.Array, year: int | None
) -> None:
    table = pa.table({"text": ["Some text."], "date": times, "license": ["CC0"]})
    pq.write_table(table, tmp_path / "a.parquet")
    (found,) = read(tmp_path).values()
    assert isinstance(found, Document) and found.license == "CC0"
    assert (found.fetched_at.year if found.fetched_at else None) == year


def test_language_is_told_by_the_text(tmp_path: Path) -> None:
    put(tmp_path / "zh.txt", "用 shutil.copytree 复制整个文件夹".encode("gbk"))
    put(tmp_path / "en.txt", "copy a whole folder")
    put(tmp_path / "de.txt", "Man kopiert den ganzen Ordner mit allem, was darin ist.")
    assert {n: e.lang for n, e in read(tmp_path).items()} == {
        "folder/de.txt": "de",
        "folder/zh.txt": "zh",
        "folder/en.txt": "en",
    }


def test_other_formats_are_counted_and_hidden_files_passed_over(tmp_path: Path) -> None:
    for name in ("report.pptx", "sub/photo.JPG", "Makefile", ".hidden.txt", ".git/config.txt"):
        put(tmp_path / name, "text")
    left_out = LeftOut()
    assert read(tmp_path, left_out) == {}
    assert left_out.counts == {
        "not a format that is read (.pptx)": 1,
        "not a format that is read (.jpg)": 1,
        "not a format that is read (no ending)": 1,
    }
    assert "report.pptx: not a format that is read (.pptx)" in left_out.named


def test_files_that_are_not_text_or_empty_are_left_out_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path / "photo.txt", b"\x89PNG" + bytes(1000))
    put(tmp_path / "nothing.txt", " \n\n")
    put(tmp_path / "good.txt", "Text.")
    left_out = LeftOut()
    assert list(read(tmp_path, left_out)) == ["folder/good.txt"]
    assert left_out.named == [
        "nothing.txt: no text in it",
        "photo.txt: is not text: it is full of zero bytes",
    ]


def test_broken_lines_are_named_and_skipped(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"Text number {n}."}).encode() for n in range(1, 41)]
    lines[6] = b'{"text": "cut off'
    lines[17] = b'{"text": "h\xff\xfe"}'
    put(tmp_path / "faq.jsonl", b"\n".join(lines))
    left_out = LeftOut()
    found = read(tmp_path, left_out)
    assert len(found) == 38 and "folder/faq.jsonl#8" in found and "folder/faq.jsonl#7" not in found
    assert left_out.counts == {"is not JSON": 1, "is not in UTF-8": 1}
    assert left_out.named[0].startswith("faq.jsonl:7: is not JSON (unterminated string")
    assert left_out.named[1] == "faq.jsonl:18: is not in UTF-8"


def test_too_many_broken_lines_are_an_error_that_names_file_and_line(tmp_path: Path) -> None:
    put(tmp_path / "faq.jsonl", '{"text": "Good."}\n{"text": \n[1]\n')
    with pytest.raises(
        BadInput, match=r"faq\.jsonl: 2 of 3 records are broken.*faq\.jsonl:2, is not"
    ):
        read(tmp_path, max_broken_share=0.5)
    assert list(read(tmp_path, max_broken_share=0.7)) == ["folder/faq.jsonl#1"]


def test_records_in_another_encoding(tmp_path: Path) -> None:
    text = "公司的员工需要提前三天提出申请，经理同意以后就可以了。"
    line = json.dumps({"text": text, "title": "请假"}, ensure_ascii=False)
    put(tmp_path / "gbk.jsonl", f"{line}\n{line}".encode("gbk"))
    put(tmp_path / "utf16.jsonl", f"{line}\n{line}".encode("utf-16"))
    put(tmp_path / "gbk.csv", f"title,text\n请假,{text}\n".encode("gbk"))
    found = read(tmp_path)
    assert len(found) == 5
    assert {(each.title, each.text) for each in found.values()} == {("请假", text)}


def test_records_with_messages_are_dialogues(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello, how can I help?"},
    ]
    alone = [{"role": "user", "content": "Hi"}]
    lines = [{"messages": messages}, {"messages": alone}, {"text": "A text."}]
    put(tmp_path / "chat.jsonl", "\n".join(map(json.dumps, lines)))
    left_out = LeftOut()
    found = read(tmp_path, left_out)
    first = found["folder/chat.jsonl#1"]
    assert isinstance(first, Dialogue) and first.messages == messages
    assert isinstance(found["folder/chat.jsonl#3"], Document)
    assert left_out.counts == {"conversation without an assistant's reply": 1}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_table_with_any_usual_delimiter(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ["Title", "Text"],
        ["One", '"A, b; c | d\nsecond line, with ""quotes"""'],
        ["Two", "Plain"],
    ]
    put(tmp_path / "t.csv", "\r\n".join(delimiter.join(row) for row in rows))
    found = read(tmp_path)
    assert found["folder/t.csv#1"].text == 'A, b; c | d\nsecond line, with "quotes"'
    assert (found["folder/t.csv#2"].title, found["folder/t.csv#2"].text) == ("Two", "Plain")


def test_table_of_one_column(tmp_path: Path) -> None:
    put(tmp_path / "t.csv", "text\nfirst one\nsecond one\n")
    assert [each.text for each in read(tmp_path).values()] == ["first one", "second one"]


@pytest.mark.parametrize("others", [0, 1])
def test_a_file_of_which_no_record_has_a_text_is_refused_with_its_names(
    tmp_path: Path, others: int
) -> None:
    record = json.dumps({"question_text": "When?", "reply_text": "It is paid on the 25th."})
    # A broken line more, of those that would be allowed, changes nothing.
    put(tmp_path / "faq.jsonl", "\n".join([record] * 40 + ["{"] * others))
    with pytest.raises(
        BadInput,
        match=r"faq\.jsonl: no record has a text under a name that is known \(text, content, body,"
        r" messages\); the first is faq\.jsonl:1: it holds question_text, reply_text\. Rename the"
        r" field with the text to text",
    ):
        read(tmp_path)
    left_out = LeftOut()
    assert read(tmp_path, left_out, max_broken_share=1) == {}
    assert left_out.counts["record without text, content, body or messages"] == 40


def test_records_without_a_text_among_others_are_counted_and_named(tmp_path: Path) -> None:
    put(tmp_path / "faq.jsonl", '{"words": "None."}\n{"words": "None."}\n{"text": "One."}\n')
    put(tmp_path / "empty.jsonl", '{"words": "None."}\n{"text": ""}\n')
    left_out = LeftOut()
    assert list(read(tmp_path, left_out)) == ["folder/faq.jsonl#3"]
    assert left_out.counts["record without text, content, body or messages"] == 3


def test_a_table_without_a_column_of_texts_is_refused_with_its_columns(tmp_path: Path) -> None:
    put(tmp_path / "csv" / "items.csv", "item;said\napple;Eat an apple every day.\nfig;\n")
    said = pa.array(["每天一个苹果，医生远离我", None])
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table({"item": ["apple", "fig"], "said": said.cast(kind)})
        (tmp_path / str(kind)[:5]).mkdir()
        pq.write_table(table, tmp_path / str(kind)[:5] / "items.parquet")
    for where in ("csv", "strin", "large", "dicti"):
        ending = "csv" if where == "csv" else "parquet"
        with pytest.raises(
            BadInput,
            match=rf"items\.{ending}: has no column named text, content, body; it has item, said\."
            " Rename the one with the texts to text,",
        ):
            read(tmp_path / where)
    left_out = LeftOut()
    assert read(tmp_path, left_out, max_broken_share=1) == {}
    assert left_out.counts == {"has no column named text, content, body": 4}


def test_what_has_no_texts_is_left_out_with_the_reason(tmp_path: Path) -> None:
    put(
        tmp_path / "prices.csv",
        "item,price\nApple juice 1 l,1.99\nA pie of apples and some pears,2\nfig,1\n",
    )
    pq.write_table(pa.table({"item": ["apple pie"], "price": [1.0]}), tmp_path / "prices.parquet")
    pq.write_table(pa.table({"price": [1.0]}), tmp_path / "numbers.parquet")
    put(tmp_path / "numbers.jsonl", '{"item": "apple pie", "price": 1}\n')
    left_out = LeftOut()
    assert read(tmp_path, left_out) == {}
    assert left_out.counts == {
        "has no column named text, content, body": 3,
        "record without text, content, body or messages": 1,
    }


def test_an_empty_table_is_left_out_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path / "blank.csv", "\n \n")
    put(tmp_path / "empty.csv", "")
    left_out = LeftOut()
    assert read(tmp_path, left_out) == {}
    assert left_out.counts == {"has no header that can be read": 2}


def test_a_table_with_two_columns_of_text_is_left_out_with_the_reason(tmp_path: Path) -> None:
    put(tmp_path / "t.csv", "text,Text\nfirst one,second one\n")
    left_out = LeftOut()
    assert read(tmp_path, left_out) == {}
    assert left_out.counts == {"has several columns named text": 1}


@pytest.mark.parametrize("keep", [0, 4, 200])
def test_corrupt_parquet_is_named(tmp_path: Path, keep: int) -> None:
    pq.write_table(pa.table({"text": ["words"] * 100}), tmp_path / "good.parquet")
    put(tmp_path / "bad.parquet", (tmp_path / "good.parquet").read_bytes()[:keep])
    with pytest.raises(BadInput, match=r"bad\.parquet: is a broken Parquet file"):
        read(tmp_path)


@pytest.mark.skipif(not DATA, reason="CHATWRIGHT_TEST_DATA names no folder of samples")
def test_real_file_with_eighteen_broken_lines(tmp_path: Path) -> None:
    # Of its 60 lines, 6 are blank and 18 cannot be parsed; the rest has "instruction", not "text".
    data = Path(DATA or "", "messy", "derived-broken-lines.jsonl").read_bytes()
    put(tmp_path / "seeds.jsonl", data.replace(b'"instruction"', b'"text"'))
    left_out = LeftOut()
    assert len(read(tmp_path, left_out, max_broken_share=0.4)) == 36
    assert left_out.counts["is not JSON"] + left_out.counts["is not in UTF-8"] == 18
    with pytest.raises(BadInput, match="18 of 54 records are broken"):
        read(tmp_path)
