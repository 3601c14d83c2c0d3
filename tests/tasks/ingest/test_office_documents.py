"""PDF and Word: their text, and what is said of those that have none to give."""

import io
import zipfile
import zlib
from pathlib import Path

import pypdf
import pytest

from tasks.documents import Document
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import FolderParams

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(root: Path, **params: float) -> tuple[dict[str, Document], LeftOut]:
    left_out = LeftOut()
    found = list(folder(FolderParams(path=str(root), **params), left_out))  # type: ignore[arg-type]
    return {e.id.removeprefix("folder/"): e for e in found if isinstance(e, Document)}, left_out


def pdf(*pages: bytes, title: str = "") -> bytes:
    """A PDF whose pages paint what they are given: Latin in /F1, Chinese as UTF-16 in /F2."""
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (6 + 2 * n) for n in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>] >>",
        b"<< /Title (%s) >>" % title.encode(),
    ]
    for page in pages:
        parts.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>"
            % (len(parts) + 2)
        )
        packed = zlib.compress(page)
        parts.append(
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed)
        )
    out, places = io.BytesIO(b""), []
    out.write(b"%PDF-1.7\n")
    for number, part in enumerate(parts, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, part))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(
        b"trailer << /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (len(parts) + 1, start)
    )
    return out.getvalue()


def painted(text: str) -> bytes:
    if text.isascii():
        return b"BT /F1 12 Tf 50 700 Td (%s) Tj ET" % text.encode()
    return b"BT /F2 12 Tf 50 700 Td <%s> Tj ET" % text.encode("utf-16-be").hex().encode()


def test_pages_of_a_pdf(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(
        pdf(painted("Ask three days before."), painted("请假三天。"), title="Leave")
    )
    found, left_out = read(tmp_path)
    assert (found["a.pdf"].title, found["a.pdf"].text) == (
        "Leave",
        "Ask three days before.\n\n请假三天。",
    )
    assert found["a.pdf"].meta["pages"] == 2 and not left_out.counts


def test_pdf_of_a_real_program(tmp_path: Path) -> None:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"pdf.fonttype": 42}):
        figure = Figure()
        figure.text(0.1, 0.5, "Ask three days before.")
        figure.savefig(tmp_path / "a.pdf")
    found, _ = read(tmp_path)
    assert "Ask three days before." in found["a.pdf"].text


def test_encrypted_pdf_is_read_only_if_it_opens_without_a_password(tmp_path: Path) -> None:
    for name, password in (("open.pdf", ""), ("secret.pdf", "user")):
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(painted("Ask three days before."))))
        writer.encrypt(password, "owner", algorithm="AES-256")
        writer.write(tmp_path / name)
    found, left_out = read(tmp_path)
    assert found["open.pdf"].text == "Ask three days before." and len(found) == 1
    assert left_out.named == ["secret.pdf: is encrypted"]


def test_scan_is_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(pdf(b"0 0 600 800 re f", b""))
    found, left_out = read(tmp_path)
    assert not found and left_out.named == ["scan.pdf: is a PDF without text: a scan"]


@pytest.mark.parametrize("keep", [0, 9, 100, 400])
def test_damaged_pdf_is_named(tmp_path: Path, keep: int) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(painted("Text."))[:keep])
    found, left_out = read(tmp_path)
    assert not found and sum(left_out.counts.values()) == 1
    assert left_out.named[0].startswith("a.pdf: is ")


def docx(body: str, *, prolog: str = "", title: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr(
            "_rels/.rels",
            f'<Relationships><Relationship Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        parts.writestr(
            "word/document.xml", f"{prolog}<w:document {W}><w:body>{body}</w:body></w:document>"
        )
        if title:
            parts.writestr(
                "docProps/core.xml",
                f'<c xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></c>',
            )
    return out.getvalue()


def p(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_paragraphs_tables_and_text_boxes_in_their_order(tmp_path: Path) -> None:
    table = "".join(
        f"<w:tr><w:tc>{p(a)}</w:tc><w:tc>{p(b)}{p('more')}</w:tc></w:tr>"
        for a, b in (("a", "b"), ("c", "d"))
    )
    box = (
        '<w:p><w:r><w:t>Before, </w:t></w:r><w:r><mc:AlternateContent xmlns:mc="m"><mc:Choice><w:txbxContent>'
        f"{p('in a box')}</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>{p('in a box')}</w:txbxContent>"
        "</mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>after.</w:t></w:r></w:p>"
    )
    edited = "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:r><w:t>kept</w:t><w:tab/><w:t>x</w:t><w:br/><w:t>y</w:t></w:r></w:p>"
    (tmp_path / "a.docx").write_bytes(
        docx(p("Intro.") + p("请假", "Heading1") + f"<w:tbl>{table}</w:tbl>" + box + edited)
    )
    found, left_out = read(tmp_path)
    assert (
        found["a.docx"].text
        == "Intro.\n请假\na\tb more\nc\td more\nin a box\nBefore, after.\nkept\tx\ny"
    )
    assert found["a.docx"].title == "请假" and not left_out.counts


def test_title_of_a_word_document_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(docx(p("Text."), title="Leave"))
    assert read(tmp_path)[0]["a.docx"].title == "Leave"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"just words", "is no .docx that can be read"),
        (docx(p("Text."))[:200], "is no .docx that can be read"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
            "is encrypted, or of the old Word's format",
        ),
        (docx("<w:p>"), "is no .docx that can be read"),
        (
            docx(p("&a;"), prolog='<!DOCTYPE x [<!ENTITY a "aaaa">]>'),
            "has a document type declaration",
        ),
        (docx(p("x" * 60_000)), "longer than 50,000 bytes"),
        (docx(""), "no text in it"),
    ],
    # Not by the bytes, which hold the time: side by side, all processes have to name tests alike.
    ids=["words", "cut", "old", "broken", "declared", "long", "empty"],
)
def test_word_documents_that_cannot_be_read(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.docx").write_bytes(content)
    found, left_out = read(tmp_path, max_document_bytes=50_000)
    assert not found and len(left_out.named) == 1
    assert left_out.named[0].startswith(f"a.docx: {reason}")


def test_real_word_documents_out_of_a_crawl(test_data: Path, tmp_path: Path) -> None:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    with open(test_data / "web" / "office-docs.warc.gz", "rb") as crawl:
        for number, record in enumerate(
            ArchiveIterator(crawl, record_types=WarcRecordType.response)
        ):
            if record.headers["WARC-Target-URI"].endswith(".docx"):
                (tmp_path / f"{number}.docx").write_bytes(record.reader.read())
    found, left_out = read(tmp_path)
    assert found and not left_out.counts
    assert all(each.text.strip() for each in found.values())


@pytest.mark.parametrize("encoding", ["gb2312", "big5", "shift_jis", "euc-jp", "utf-16"])
def test_a_docx_in_an_older_encoding(tmp_path: Path, encoding: str) -> None:
    with zipfile.ZipFile(io.BytesIO(docx(p("三日中文。")))) as usual:
        parts = {name: usual.read(name).decode() for name in usual.namelist()}
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as changed:
        for name, text in parts.items():
            text = text[text.index("?>") + 2 :] if text.startswith("<?xml") else text
            declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
            changed.writestr(name, declared.encode(encoding))
    found, left_out = read(tmp_path)
    assert found["a.docx"].text == "三日中文。" and not left_out.counts


def test_a_docx_in_an_encoding_that_no_one_knows(tmp_path: Path) -> None:
    body = docx(p("Text."), prolog='<?xml version="1.0" encoding="foo"?>')
    (tmp_path / "a.docx").write_bytes(body)
    assert read(tmp_path)[0]["a.docx"].text == "Text."


def test_damaged_byte_anywhere_in_a_docx_is_no_traceback(tmp_path: Path) -> None:
    body = "<w:p><w:r><w:t>Word</w:t></w:r></w:p>" * 50
    whole = docx(body)
    read_at_all = 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "a.docx").write_bytes(damaged)
        found, left_out = read(tmp_path)
        assert len(found) + sum(left_out.counts.values()) == 1, place
        read_at_all += len(found)
    assert 0 < read_at_all < len(whole) / 6  # some bytes say nothing that matters


def test_cell_of_many_paragraphs_is_one_line(tmp_path: Path) -> None:
    paragraphs = "".join(f"<w:p><w:r><w:t>{n}</w:t></w:r></w:p>" for n in range(40_000))
    cells = f"<w:tc>{paragraphs}</w:tc><w:tc><w:p/></w:tc><w:tc>{'<w:p/>' * 3}</w:tc>"
    (tmp_path / "a.docx").write_bytes(docx(f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"))
    found, _ = read(tmp_path)
    assert found["a.docx"].text == " ".join(map(str, range(40_000)))
