"""A dump of MediaWiki as a stream of bytes: its head, and its pages one by one.

The XML is cut at its ``<page>`` tags and each page parsed by itself: memory holds one page, a page
that is no XML costs nothing but itself, and no entity is ever declared. The text of a page is
escaped, so the tags cannot stand in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.parsers import expat

from tasks.ingest.language import language, primary
from tasks.ingest.left_out import LeftOut
from tasks.ingest.open_file import OpenFile

READ_BYTES = 2**20
LONGEST_HEAD = 2**20
"""Of what stands before the first page: the wiki's name and namespaces, some 10 kB."""

NO_DUMP = "is no dump of MediaWiki: there is no <page> in it"
CUT = "the XML ends inside a page or before its last tag: only what comes before could be read"
MALFORMED = "page that is no well-formed XML"
BEGIN, END, ROOT, ROOT_END = b"<page>", b"</page>", b"<mediawiki", b"</mediawiki>"
TITLE, NAMESPACE, ID = "page/title", "page/ns", "page/id"
REVISION, TIMESTAMP, MODEL, TEXT = (
    f"revision/{name}" for name in ("id", "timestamp", "model", "text")
)
TAKEN = frozenset([TITLE, NAMESPACE, ID, REVISION, TIMESTAMP, MODEL, TEXT])

ARTICLES, FILES, CATEGORIES = "0", "6", "14"
ENGLISH_PREFIXES = {
    **{"talk": "1", "user": "2", "wikipedia": "4", "file": "6", "image": "6", "mediawiki": "8"},
    **{"template": "10", "help": "12", "category": "14", "portal": "100", "module": "828"},
    **{f"{name} talk": "1" for name in ("user", "wikipedia", "file", "template", "category")},
}
UNDECIDED_LANGUAGE = "en"
"""What a wiki says, too, that was never told its language: it is then told by each text."""

ENOUGH_PAGES, ENOUGH_SHARE = 100, 0.9
"""After so many, of which so many are English indeed, the rest is taken for it: asking takes a
seventh of the time."""


@dataclass
class Wiki:
    """What the head of a dump tells."""

    name: str
    base: str = ""
    lang: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)
    _told: list[str] = field(default_factory=list)

    def namespace(self, title: str) -> str:
        """The number of a page's namespace by its title, for dumps older than ``<ns>`` (2012)."""
        prefix, colon, _ = title.partition(":")
        return self.prefixes.get(prefix.lower(), ARTICLES) if colon else ARTICLES

    def url(self, title: str) -> str | None:
        """Where a page is read."""
        if not self.base:
            return None
        return self.base.rpartition("/")[0] + "/" + quote(title.replace(" ", "_"), safe="/:,()!*'@")

    def language(self, text: str) -> str:
        """The language of a page: as the wiki says, where there is reason to believe it."""
        stated = primary(self.lang)
        if stated and (stated != UNDECIDED_LANGUAGE or self._is_believed()):
            return stated
        told = language(text)
        if len(self._told) < ENOUGH_PAGES:
            self._told.append(told)
        return told

    def _is_believed(self) -> bool:
        """Whether enough pages were in the language that the wiki says, to ask of no more."""
        return len(self._told) >= ENOUGH_PAGES and (
            self._told.count(UNDECIDED_LANGUAGE) > ENOUGH_SHARE * len(self._told)
        )


def pages(file: OpenFile, left_out: LeftOut) -> Iterator[bytes]:
    """What stands before the first page, and then each page as XML; nothing if there is none."""
    buffer = b""
    position = searched = 0  # what is done with; where the end of a page is looked for next
    head: bytes | None = None
    is_too_long = False
    while data := file.stream.read(READ_BYTES):
        buffer = buffer[position:] + data
        position, searched = 0, max(0, searched - position)
        while (end := buffer.find(END, searched)) >= 0:
            begin, last = buffer.find(BEGIN, position, end), buffer.rfind(BEGIN, position, end)
            if head is None and begin >= 0:
                head = buffer[position:begin]
                yield head
            end += len(END)
            if is_too_long or (last >= 0 and end - last > file.longest):
                left_out.add(file.too_long, file.where)
            elif last >= 0:
                if begin < last:
                    left_out.add(MALFORMED, file.where, detail="its end is missing")
                yield buffer[last:end]
            position, searched, is_too_long = end, end, False
        searched = max(position, len(buffer) - len(END) + 1)
        if head is None and BEGIN not in buffer and len(buffer) > LONGEST_HEAD:
            break
        if len(buffer) - position > file.longest + READ_BYTES:
            position, is_too_long = searched, True
    rest = buffer[position:]
    if file.is_cut() or file.packed.trouble():
        return  # and that is counted where it was found
    if head is None and BEGIN not in rest:
        left_out.add(NO_DUMP, file.where)
    elif is_too_long or BEGIN in rest or (ROOT in (head or rest) and ROOT_END not in rest):
        left_out.add(CUT, file.where)


class Page:
    """What one page holds; of several revisions, the last."""

    def __init__(self) -> None:
        self.is_redirect = False
        self._path: list[str] = []
        self._found: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """As expat calls it."""
        self._path.append(name)
        if name == "redirect":
            self.is_redirect = True

    def end(self, name: str) -> None:
        """As expat calls it."""
        self._path.pop()

    def characters(self, data: str) -> None:
        """As expat calls it."""
        key = "/".join(self._path[-2:])
        if key in TAKEN:
            self._found[key] = data

    def __getitem__(self, key: str) -> str:
        return self._found.get(key, "")


class Head:
    """What stands before the pages: the wiki's name, address, language and namespaces."""

    def __init__(self) -> None:
        self.lang = ""
        self.found: dict[str, str] = {}
        self.prefixes: dict[str, str] = {}
        self._name = self._key = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """As expat calls it."""
        self._name, self._key = name, attributes.get("key", "")
        if name == "mediawiki":
            self.lang = attributes.get("xml:lang", "")

    def end(self, name: str) -> None:
        """As expat calls it."""
        self._name = ""

    def characters(self, data: str) -> None:
        """As expat calls it."""
        if self._name == "namespace":
            self.prefixes[data.lower()] = self._key
        elif self._name:
            self.found[self._name] = data


def parse(xml: bytes, reader: Page | Head, *, is_whole: bool = True) -> None:
    """Let a reader read some XML; raises ``ExpatError`` where it is none."""
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.buffer_size = max(len(xml), 1)  # so that each text comes in one piece
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.Parse(xml, is_whole)


def wiki_of(head: bytes, where: str, left_out: LeftOut) -> Wiki:
    """The wiki of a dump; one of single pages has no head, and is named after its file."""
    read = Head()
    try:
        # From the root element on: what a DOCTYPE might declare is nothing to a dump.
        parse(head[max(0, head.find(ROOT)) :], read, is_whole=False)
    except expat.ExpatError as error:
        left_out.add("head of a dump that is no well-formed XML", where, detail=str(error))
    base = read.found.get("base", "").strip()
    name = read.found.get("dbname") or base.partition("//")[2].partition("/")[0] or where
    return Wiki(name, base, read.lang, {**ENGLISH_PREFIXES, **read.prefixes})
