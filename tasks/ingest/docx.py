"""Reader for Word's .docx: the text of its body, paragraph by paragraph, tables row by row.

Its own, since the text is all that is wanted: a .docx is a zip of XML, which Python reads, and
python-docx (which needs lxml) gives no order of paragraphs and tables that is simpler than this.
A document type declaration, which could define entities that grow without end, is refused.
"""

import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from typing import TypeVar

from tasks.ingest.archives import DAMAGE
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Record, Text, first_line, sound
from tasks.ingest.text_encoding import Undecodable
from tasks.ingest.xml_bytes import in_utf8

MAIN_PART = "/officeDocument"
SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""How files of the old Word begin, and encrypted ones of the new."""


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
            relations = _parsed(parts, "_rels/.rels", _Relations(), file)
            body = _parsed(parts, relations.main_part, _Body(), file)
            has_title = "docProps/core.xml" in parts.namelist()
            title = _parsed(parts, "docProps/core.xml", _Title(), file).title if has_title else ""
    except KeyError:
        raise Undecodable("is no .docx: it lacks its main part") from None
    except RuntimeError:  # zipfile's own, for both
        raise Undecodable("is encrypted, or packed in an unknown way") from None
    except (*DAMAGE, ElementTree.ParseError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise Undecodable(f"is no .docx that can be read ({reason})") from None
    text = sound("\n".join(body.found)).strip()
    yield Text(text, title or body.heading or first_line(text))


class _Part:
    """What is told of a part as it is parsed; tags come without their namespaces."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.opened(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        self.closed(tag.rpartition("}")[2])

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def closed(self, tag: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text, in pieces."""

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        raise Undecodable("has a document type declaration, which no .docx has")

    def close(self) -> None:
        """The part ends."""


Told = TypeVar("Told", bound=_Part)


def _parsed(parts: zipfile.ZipFile, name: str, told: Told, file: OpenFile) -> Told:
    if parts.getinfo(name).file_size > file.longest:  # zipfile reads no more than it says there
        raise Undecodable(file.too_long)
    parser = ElementTree.XMLParser(target=told)
    parser.feed(in_utf8(parts.read(name)))
    parser.close()
    return told


class _Relations(_Part):
    main_part = ""

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith(MAIN_PART):
            self.main_part = attributes.get("Target", "").lstrip("/")


class _Title(_Part):
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._is_open = False

    @property
    def title(self) -> str:
        return "".join(self._pieces).strip()

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        self._is_open = tag == "title"

    def closed(self, tag: str) -> None:
        self._is_open = False

    def data(self, text: str) -> None:
        if self._is_open:
            self._pieces.append(text)


class _Body(_Part):
    """``found``: the paragraphs and rows of tables in their order; ``heading``: the first that is
    styled as one."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.heading: str | None = None
        # One list of pieces for each paragraph that is open, as a text box stands inside another;
        # one of cells, each of pieces, for each row, as tables stand in tables.
        self._paragraphs: list[list[str]] = []
        self._styles: list[str] = []
        self._rows: list[list[list[str]]] = []
        self._is_text = self._in_tab_stops = False
        self._passed_over = 0

    def opened(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "Fallback":  # the same once more, for older programs
            self._passed_over += 1
        if self._passed_over:
            return
        self._is_text = tag == "t"
        if tag == "p":
            self._paragraphs.append([])
            self._styles.append("")
        elif tag == "tr":
            self._rows.append([])
        elif tag == "tc" and self._rows:
            self._rows[-1].append([])
        elif tag == "pStyle" and self._styles:
            self._styles[-1] = next(iter(attributes.values()), "")
        elif tag in SIGNS and self._paragraphs and not self._in_tab_stops:
            self._paragraphs[-1].append(SIGNS[tag])
        if tag == "tabs":
            self._in_tab_stops = True

    def data(self, text: str) -> None:
        if self._is_text and self._paragraphs:
            self._paragraphs[-1].append(text)

    def closed(self, tag: str) -> None:
        if tag == "Fallback":
            self._passed_over -= 1
        if self._passed_over:
            return
        self._is_text = False
        if tag == "tabs":
            self._in_tab_stops = False
        elif tag == "p" and self._paragraphs:
            text, style = "".join(self._paragraphs.pop()).strip(), self._styles.pop()
            if text and self.heading is None and style.lower().startswith(("heading", "title")):
                self.heading = " ".join(text.split())
            self._put(text)
        elif tag == "tr" and self._rows:
            self._put("\t".join(" ".join(cell) for cell in self._rows.pop()))

    def _put(self, text: str) -> None:
        """A paragraph or row: into the cell that is open, or the document."""
        if self._rows and self._rows[-1]:
            self._rows[-1][-1] += [text.strip()] if text.strip() else []
        else:
            self.found.append(text)
