"""Reader for Word's .docx: the text of its body, paragraph by paragraph, tables row by row.

Its own, since the text is all that is wanted: a .docx is a zip of XML, which Python reads, and
python-docx (with lxml, 20 MB) gives no order of paragraphs and tables that is simpler than this.
A document type declaration, which could define entities that grow without end, is refused.
"""

import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Record, Text, first_line
from tasks.ingest.text_encoding import Undecodable

MAIN_PART = "/officeDocument"
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of the old Word begin, and encrypted ones of the new."""


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise Undecodable("has a document type declaration, which no .docx has")


def read_docx(file: OpenFile) -> Iterator[Record]:
    """A Word document's text; cells of a table are parted by tabs, a heading is the title.

    Raises:
        Undecodable: it is encrypted, of the old format, damaged or too long.

    Not covered: headers, footers, notes, comments and deleted text are left out.
    """
    stream = file.seekable()
    if stream.read(len(OLE)) == OLE:
        raise Undecodable("is encrypted, or of the old Word's format")
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as parts:
            with _part(parts, _main_part(parts, file), file) as body:
                paragraphs, heading = _paragraphs(body)
            title = _title(parts, file)
    except KeyError:
        raise Undecodable("is no .docx: it lacks its main part") from None
    except (zipfile.BadZipFile, ElementTree.ParseError, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise Undecodable(f"is no .docx that can be read ({reason})") from None
    except (RuntimeError, NotImplementedError):
        raise Undecodable("is encrypted, or packed in an unknown way") from None
    text = "\n".join(paragraphs).strip()
    yield Text(text, title or heading or first_line(text))


def _part(parts: zipfile.ZipFile, name: str, file: OpenFile) -> BinaryIO:
    if parts.getinfo(name).file_size > file.longest:  # zipfile reads no more than it says there
        raise Undecodable(file.too_long)
    return parts.open(name)  # type: ignore[return-value]


def _main_part(parts: zipfile.ZipFile, file: OpenFile) -> str:
    with _part(parts, "_rels/.rels", file) as relations:
        for _, element in _elements(relations):
            if element.get("Type", "").endswith(MAIN_PART):
                return element.get("Target", "").lstrip("/")
    raise KeyError(MAIN_PART)


def _title(parts: zipfile.ZipFile, file: OpenFile) -> str | None:
    try:
        with _part(parts, "docProps/core.xml", file) as properties:
            for event, element in _elements(properties):
                if event == "end" and _tag(element) == "title":
                    return (element.text or "").strip() or None
    except KeyError:
        pass  # many have none
    return None


def _elements(part: BinaryIO) -> Iterator[tuple[str, ElementTree.Element]]:
    parser = ElementTree.XMLParser(target=_NoDoctype())
    return ElementTree.iterparse(part, ("start", "end"), parser)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _paragraphs(body: BinaryIO) -> tuple[list[str], str | None]:
    """The paragraphs and rows of tables in their order, and the first that is styled a heading."""
    found: list[str] = []
    heading = None
    # One list of pieces for each paragraph that is open, as a text box stands inside another; one
    # of cells for each row of a table, as tables stand in tables.
    open_paragraphs: list[list[str]] = []
    rows: list[list[str]] = []
    styles: list[str] = []
    passed_over = 0
    for event, element in _elements(body):
        tag = _tag(element)
        if tag == "Fallback":  # the same once more, for older programs
            passed_over += 1 if event == "start" else -1
        if passed_over:
            continue
        if event == "start":
            if tag == "p":
                open_paragraphs.append([])
                styles.append("")
            elif tag == "tr":
                rows.append([])
            elif tag == "tc" and rows:
                rows[-1].append("")
            continue
        if open_paragraphs:
            if tag == "t":
                open_paragraphs[-1].append(element.text or "")
            elif tag == "tab":
                open_paragraphs[-1].append("\t")
            elif tag in ("br", "cr"):
                open_paragraphs[-1].append("\n")
            elif tag == "noBreakHyphen":
                open_paragraphs[-1].append("-")
            elif tag == "pStyle":
                styles[-1] = next(iter(element.attrib.values()), "")
        if tag == "p" and open_paragraphs:
            text, style = "".join(open_paragraphs.pop()).strip(), styles.pop()
            if rows and rows[-1]:
                rows[-1][-1] = f"{rows[-1][-1]} {text}".strip()
            else:
                found.append(text)
            if text and heading is None and style.lower().startswith(("heading", "title")):
                heading = " ".join(text.split())
        elif tag == "tr" and rows:
            row = "\t".join(rows.pop())
            if rows and rows[-1]:
                rows[-1][-1] = f"{rows[-1][-1]} {row}".strip()
            else:
                found.append(row)
        if tag in ("p", "tr"):
            element.clear()
    return found, heading
