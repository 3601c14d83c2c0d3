"""Web archives: real ones of many crawlers, and ones that are damaged on purpose."""

import gzip
import zlib
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest

from tasks.documents import Document
from tasks.ingest.commoncrawl import DAMAGED_BODY, DAMAGED_MEMBER, commoncrawl
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.warc import CUT, IS_ARC, NO_LENGTH, NO_RECORD, WRONG_LENGTH
from tasks.params_ingest import FolderParams

NO_PAGE = "neither HTML nor plain text: "
LIMITS = {"max_document_bytes": 100_000}


def read(path: Path, **limits: float) -> tuple[list[Document], LeftOut]:
    left_out = LeftOut()
    params = FolderParams.model_validate({"path": str(path.parent), **limits})
    found = list(commoncrawl(NamedFiles("commoncrawl", [str(path)], params), left_out))
    return found, left_out


def record(number: int, block: bytes, kind: str = "conversion", length: int | None = None) -> bytes:
    size = len(block) if length is None else length
    return (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{number}>\r\n"
        f"WARC-Date: 2024-05-18T01:58:10Z\r\nWARC-Target-URI: http://a.example/{number}\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode() + block + b"\r\n\r\n"  # fmt: skip


def answer(number: int, body: bytes, *headers: str, mime: str = "text/html") -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Type: {mime}", *headers, "", ""]
    return record(number, "\r\n".join(lines).encode() + body, "response")


def page(text: str, head: str = "") -> str:
    return (
        f"<!DOCTYPE html><html><head>{head}<title>T</title></head><body><p>{text}</p></body></html>"
    )


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def texts(documents: list[Document]) -> list[str]:
    return [each.text.strip() for each in documents]


# The counts of records are those of the samples' SOURCES.md; statuses and types were read off
# the files with fastwarc.
@pytest.mark.parametrize(
    ("name", "documents", "left_out"),
    [
        ("cc-sample.warc.gz", 16, {"metadata record": 16, "request record": 17, "warcinfo record": 1}),
        ("cc-sample.warc.lz4", 16, {"metadata record": 16, "request record": 17, "warcinfo record": 1}),
        ("cc-2019.warc.gz", 1, {}),
        ("allenai-sample-0000.warc.gz", 22, {"metadata record": 1, "request record": 22, "resource record": 2, "warcinfo record": 1}),
        ("aut-issue-514.warc", 1, {"HTTP status 307": 1, "metadata record": 1, "request record": 2, "resource record": 2, "warcinfo record": 1}),
        # 94 HTML and 3 plain texts, of which one is empty; 8 scripts and 8 Flash films; 38 of DNS.
        ("ia-2008.warc.gz", 96, {"metadata record": 261, "request record": 261, "warcinfo record": 1, "response that is not HTTP": 38, "robots.txt": 33, NO_PAGE + "image": 55, NO_PAGE + "text": 13, NO_PAGE + "application": 16, "HTTP status 301": 2, "HTTP status 302": 5, "HTTP status 404": 40, "no text in it": 1}),
        ("iana.warc.gz", 16, {"request record": 171, "revisit record": 123, "warcinfo record": 1, NO_PAGE + "application": 22, NO_PAGE + "image": 4, NO_PAGE + "text": 2, "HTTP status 302": 4}),
        ("dupes.warc.gz", 1, {"request record": 12, "revisit record": 9, "warcinfo record": 1, NO_PAGE + "application": 1, "HTTP status 302": 1}),
        ("clipped.warc.gz", 0, {CUT: 1, DAMAGED_MEMBER: 1}),
        ("html-lang-attribute.warc", 0, {"no text in it": 5}),
        ("office-docs.warc.gz", 0, {"request record": 9, "warcinfo record": 3, NO_PAGE + "application": 7, NO_PAGE + "text": 2}),
        ("text-extraction-test.warc", 1, {"metadata record": 1, "warcinfo record": 1, NO_PAGE + "image": 1}),
        ("warcio-example-iana.org-chunked.warc", 1, {"request record": 1, "warcinfo record": 1}),
        ("warcio-example-trunc.warc", 1, {"request record": 1, "warcinfo record": 2, WRONG_LENGTH: 1}),
        ("warcio-example-wrong-chunks.warc.gz", 1, {"request record": 1}),
        ("warcio-example.warc.gz", 1, {"request record": 2, "revisit record": 1, "warcinfo record": 2}),
        ("warcio-post-test.warc.gz", 0, {"request record": 3, NO_PAGE + "application": 3}),
        ("warcio-example.arc.gz", 0, {IS_ARC: 1}),
        ("wget-1-14.warc.gz", 1, {"request record": 1, "resource record": 3, "warcinfo record": 1}),
        ("whirlwind.warc.gz", 1, {"metadata record": 1, "request record": 1, "warcinfo record": 1}),
        ("whirlwind.warc.wet.gz", 1, {"warcinfo record": 1}),
        ("whirlwind.warc.wat.gz", 0, {"metadata record": 1, "warcinfo record": 1}),
        ("ccnet-sample.wet.txt", 3, {"warcinfo record": 1, WRONG_LENGTH: 3}),
    ],
)  # fmt: skip
def test_every_record_of_a_real_archive_is_a_document_or_is_counted(
    test_data: Path, name: str, documents: int, left_out: dict[str, int]
) -> None:
    found, counted = read(test_data / "web" / name)
    counted.counts.pop("damaged characters", None)
    assert (len(found), dict(counted.counts)) == (documents, left_out)
    assert len({each.id for each in found}) == documents
    assert all(each.text.strip() and each.title and each.url for each in found)


def test_document_says_where_and_when_it_was_found(test_data: Path) -> None:
    ((found,), _) = read(test_data / "web" / "whirlwind.warc.gz")
    assert found.id == "commoncrawl/2aabeff2-67f5-4608-8466-e87c6296e2b6"
    assert found.url == "https://an.wikipedia.org/wiki/Escopete"
    assert found.title == "Escopete - Biquipedia, a enciclopedia libre"
    assert found.fetched_at == datetime(2024, 5, 18, 1, 58, 10, tzinfo=UTC)
    assert found.license is None
    assert (found.meta["mime"], found.meta["status"]) == ("text/html", 200)
    assert found.meta["digest"] == "sha1:RY7PLBUFQNI2FFV5FTUQK72W6SNPXLQU"


def test_text_of_a_page_stands_in_lines_and_without_mark_up(test_data: Path) -> None:
    # What the page itself says is to be expected of it.
    ((found,), _) = read(test_data / "web" / "text-extraction-test.warc")
    lines = found.text.split("\n")
    assert found.title in lines  # a paragraph break after <h1>, though no space stands there
    assert {"<pre>", "first line", "second line", "<entity>"} <= set(lines)
    assert {"February 25, 2017", "by Catherine Heath", "9 min read"} <= set(lines)
    assert "CDATA in MathML: x<y" in lines


PAGE = page("A page about herons, which stand in water.")
HERONS = "A page about herons, which stand in water."


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


BODY = PAGE.encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (chunked(BODY, 20), ["Transfer-Encoding: chunked"]),
        (BODY, ["Transfer-Encoding: chunked"]),
        (chunked(BODY, 20), ["X-Crawler-Transfer-Encoding: chunked"]),
        (gzip.compress(BODY, mtime=0), ["Content-Encoding: gzip"]),
        (BODY, ["Content-Encoding: gzip"]),
        (gzip.compress(BODY, mtime=0), ["X-Crawler-Content-Encoding: gzip"]),
        (gzip.compress(BODY, mtime=0), []),
        (gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), ["Content-Encoding: gzip"]),
        (zlib.compress(BODY), ["Content-Encoding: deflate"]),
        (raw_deflate(BODY), ["Content-Encoding: deflate"]),
        (BODY, ["Content-Encoding: deflate"]),
        (brotli.compress(BODY), ["Content-Encoding: br"]),
        (BODY, ["Content-Encoding: br"]),
        (chunked(brotli.compress(BODY), 9), ["Transfer-Encoding: chunked", "content-encoding:br"]),
        (zlib.compress(gzip.compress(BODY, mtime=0)), ["Content-Encoding: gzip, deflate"]),
        (BODY, ["Content-Encoding: rot13"]),
        (BODY, ["Content-Length: 3"]),
    ],
)
def test_body_is_unpacked_whether_or_not_the_headers_lie(
    tmp_path: Path, body: bytes, headers: list[str]
) -> None:
    found, left_out = read(written(tmp_path / "a.warc", answer(1, body, *headers)))
    assert (texts(found), left_out.counts) == ([HERONS], {})


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (chunked(BODY, 60).replace(b"\r\n3b\r\n", b"\r\nzz\r\n"), "Transfer-Encoding: chunked"),
        (gzip.compress(BODY, mtime=0)[:-9], "Content-Encoding: gzip"),
        (chunked(BODY, 1000)[:-20], "Transfer-Encoding: chunked"),
    ],
)
def test_what_can_be_read_of_a_damaged_body_is_taken_and_counted(
    tmp_path: Path, body: bytes, header: str
) -> None:
    found, left_out = read(written(tmp_path / "a.warc", answer(1, body, header)))
    assert len(found) == 1 and "herons" in found[0].text
    assert left_out.counts == {DAMAGED_BODY: 1}


CHINESE = "我国卫生与健康领域的第一部法律已经通过，从明年开始实行，大家都在说这个法律。"


@pytest.mark.parametrize(
    ("encoding", "mime", "head"),
    [
        ("gbk", "text/html; charset=utf-8", ""),
        ("gbk", "text/html", "<meta charset=utf-8>"),
        ("gbk", "text/html; charset=ISO-8859-1", "<meta charset=iso-8859-1>"),
        ("gbk", "text/html; charset=ISO-8859-1", '<meta charset="gb2312">'),
        ("gbk", "text/html; charset=gbk", ""),
        ("utf-8", "text/html; charset=gbk", "<meta charset=gbk>"),
        ("utf-16", "text/html", ""),
        ("utf-8", "text/html; charset=no-such-thing", "<meta charset=hex>"),
        ("gbk", "text/html; charset=no-such-thing", "<meta charset=hex>"),
        ("gbk", "text/html; charset=idna", "<meta charset=punycode>"),
        ("gbk", "text/html; charset=undefined", "<meta charset=unicode_escape>"),
    ],
)
def test_page_is_read_in_the_encoding_it_is_in(
    tmp_path: Path, encoding: str, mime: str, head: str
) -> None:
    body = page(CHINESE, head).encode(encoding)
    (found, left_out) = read(written(tmp_path / "a.warc", answer(1, body, mime=mime)))
    assert (texts(found), found[0].lang, left_out.counts) == ([CHINESE], "zh", {})


def test_server_tells_an_encoding_that_nothing_else_does(tmp_path: Path) -> None:
    # 0xE9 alone: й in Windows-1251, é in Latin-1.
    body = page("й").encode("cp1251")
    content = answer(1, body, mime="text/html; charset=windows-1251")
    assert texts(read(written(tmp_path / "a.warc", content))[0]) == ["й"]


def test_language_is_that_of_the_text_and_not_what_the_template_says(tmp_path: Path) -> None:
    body = page(CHINESE).replace("<html>", '<html lang="en">').encode()
    ((found,), _) = read(written(tmp_path / "a.warc", answer(1, body)))
    assert found.lang == "zh"


A, B, C = (f"The {word} text, of some length." for word in ("first", "second", "third"))
FIRST, SECOND, THIRD = (record(n, text.encode()) for n, text in enumerate((A, B, C), start=1))


@pytest.mark.parametrize(
    ("content", "expected", "left_out"),
    [
        (FIRST + SECOND + THIRD, [A, B, C], {}),
        (FIRST + SECOND + THIRD[:-9], [A, B], {CUT: 1}),
        (FIRST + SECOND + THIRD[:40], [A, B], {CUT: 1}),
        (FIRST + record(2, B.encode(), length=3) + THIRD, [A, B, C], {WRONG_LENGTH: 1}),
        (FIRST + record(2, B.encode(), length=50) + THIRD, [A, B, C], {WRONG_LENGTH: 1}),
        (FIRST + record(2, B.encode(), length=90_000) + THIRD, [A, B, C], {WRONG_LENGTH: 1}),
        (FIRST + record(2, B.encode(), length=10**15) + THIRD, [A, C], {"too long": 1}),
        (FIRST + SECOND.replace(b"Length: ", b"Length: -") + THIRD, [A, C], {NO_LENGTH: 1}),
        (FIRST + SECOND.replace(b"Content-Length", b"X") + THIRD, [A, C], {NO_LENGTH: 1}),
        (FIRST + SECOND.replace(b"Length: ", b"Length: " + b"9" * 5_000) + THIRD, [A, C], {NO_LENGTH: 1}),
        (FIRST + SECOND.replace(b"WARC/1.0", b"\0ARC/1.0") + THIRD, [A, C], {NO_RECORD: 1}),
        (FIRST + b"\0" * 5000 + b"\r\n" + THIRD, [A, C], {NO_RECORD: 1}),
        (FIRST + SECOND + SECOND, [A, B], {"same record as before": 1}),
        (FIRST.replace(b"\r\n", b"\n") + SECOND.replace(b"\r\n", b"\n"), [A, B], {}),
        (b"", [], {}),
        (b"nothing of the kind", [], {NO_RECORD: 1}),
        (FIRST + record(2, b"x" * 100_001) + THIRD, [A, C], {"too long": 1}),
        (FIRST + record(2, b"x" * 600_000) + THIRD, [A, C], {"too long": 1}),
        (FIRST + record(2, b"x" * 600_000, length=5) + THIRD, [A, C], {"too long": 1}),
        (record(1, b" \r\n "), [], {"no text in it": 1}),
        (record(1, b"HTTP/1.1 999 No\r\n\r\nx", "response"), [], {"HTTP status unknown": 1}),
        (record(1, b"", "continuation"), [], {"other record": 1}),
        (answer(1, b"\x89PNG\0\0" * 99), [], {"is not text: it is full of zero bytes": 1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_record_is_counted_and_the_next_one_read(
    tmp_path: Path, content: bytes, expected: list[str], left_out: dict[str, int], packed: bool
) -> None:
    name = "a.wet.gz" if packed else "a.wet"
    path = written(tmp_path / name, gzip.compress(content) if packed else content)
    found, counted = read(path, **LIMITS)
    too_long = "longer than 100,000 bytes (ingest.folder.max_document_bytes)"
    left_out = {too_long if key == "too long" else key: n for key, n in left_out.items()}
    assert (texts(found), dict(counted.counts)) == (expected, left_out)
    # Each of them is named.
    assert len(counted.named) >= sum(
        n for key, n in left_out.items() if not key.startswith(("no text", "other", "HTTP"))
    )


@pytest.mark.parametrize("where", range(0, 200, 7))
def test_damage_in_one_member_of_a_gzip_file_costs_no_other(tmp_path: Path, where: int) -> None:
    members = [bytearray(gzip.compress(each)) for each in (FIRST, SECOND, THIRD)]
    place = where % len(members[1])
    members[1][place] ^= 0xFF
    found, left_out = read(written(tmp_path / "a.wet.gz", b"".join(members)))
    assert {A, C} <= set(texts(found))
    header_only = place in range(4, 10)  # the time of the file and the like: no harm is done
    assert bool(left_out.counts) == (not header_only)


def test_damaged_member_is_counted_even_if_nothing_came_out_of_it(tmp_path: Path) -> None:
    lost = b"\x1f\x8b\x08\x00" + b"\xff" * 200
    content = gzip.compress(FIRST) + lost + gzip.compress(THIRD)
    found, left_out = read(written(tmp_path / "a.wet.gz", content))
    assert (texts(found), left_out.counts) == ([A, C], {DAMAGED_MEMBER: 1})


def test_record_that_is_larger_than_a_document_may_be_is_counted(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.warc.gz", "wb", compresslevel=1) as file:
        file.write(answer(1, b"<html><p>" + b"a word " * 7_500_000) + THIRD)  # 52 MB
    found, left_out = read(tmp_path / "a.warc.gz")
    reason = "longer than 40,000,000 bytes (ingest.folder.max_document_bytes)"
    assert (texts(found), left_out.counts) == ([C], {reason: 1})


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate"])
def test_payload_that_expands_a_thousandfold_is_stopped(tmp_path: Path, coding: str) -> None:
    pack = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}[coding]
    bomb = answer(1, pack(b"<html><p>" + b" " * 30_000_000), f"Content-Encoding: {coding}")
    found, left_out = read(written(tmp_path / "a.warc", bomb + THIRD))
    (reason,) = left_out.counts
    assert texts(found) == [C] and "unpacks into more than" in reason


def test_file_that_expands_a_thousandfold_is_stopped(tmp_path: Path) -> None:
    bomb = gzip.compress(record(1, b"a " * 15_000_000))
    found, left_out = read(written(tmp_path / "a.wet.gz", bomb + gzip.compress(THIRD)))
    assert found == []
    assert "expands more than 200-fold (ingest.folder.max_expansion)" in left_out.counts


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<div>" * 40_000 + "x", "HTML with more than 512 levels"),
        (
            "<p " + " ".join(f"a{n}=b" for n in range(50_000)) + ">x",
            "HTML with more than 5,000 attributes of one tag",
        ),
    ],
)
def test_page_made_to_take_for_ever_is_left_out(tmp_path: Path, html: str, reason: str) -> None:
    content = answer(1, html.encode()) + THIRD
    found, left_out = read(written(tmp_path / "a.warc", content))
    assert texts(found) == [C]
    assert left_out.counts == {reason: 1}


def test_two_records_of_one_name_are_two_documents(tmp_path: Path) -> None:
    again = SECOND.replace(b"<urn:uuid:2>", b"<urn:uuid:1>")
    found, _ = read(written(tmp_path / "a.wet", FIRST + again))
    assert [each.id for each in found][0] == "commoncrawl/1"
    assert len({each.id for each in found}) == 2


def test_record_without_a_name_has_the_same_one_every_time(tmp_path: Path) -> None:
    content = b"\r\n".join(
        line for line in FIRST.split(b"\r\n") if not line.startswith(b"WARC-Record-ID")
    )
    once = read(written(tmp_path / "a.wet", content))[0]
    again = read(written(tmp_path / "b.wet", SECOND + content))[0]
    assert once[0].id == again[1].id
