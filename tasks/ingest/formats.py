"""Readers for the formats of the user's own files, one function each: open file in, records out.

Those of a single text stand here; tables.py, parquet.py, pdf.py and docx.py have the others.
Readers raise ``Undecodable`` for a file that is not text, and ``BadInput`` for one that is broken
as a whole. Which records of a file can be used is decided by ``folder.py``.
"""

import re
from collections.abc import Callable, Iterator

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import ElementNode, HTMLTree

from tasks.ingest.docx import read_docx
from tasks.ingest.html_bounds import bounded
from tasks.ingest.language import language, primary
from tasks.ingest.open_file import OpenFile
from tasks.ingest.parquet import read_parquet
from tasks.ingest.pdf import read_pdf
from tasks.ingest.records import Record, Text, first_line
from tasks.ingest.tables import read_csv, read_jsonl
from tasks.ingest.text_encoding import Decoded, Undecodable, decode

Reader = Callable[[OpenFile], Iterator[Record]]

HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$|^(\S.*)\r?\n(?:={3,}|-{3,})[ \t\r]*$", re.M)
DEEPEST = 512
"""Browsers built on Blink put no element deeper (``kMaximumHTMLParserDOMTreeDepth``)."""
TOO_DEEP = " > ".join(["*"] * (DEEPEST + 1))


def read_txt(file: OpenFile) -> Iterator[Record]:
    """A plain text; its first line is its title, unless it is a whole paragraph."""
    found = decode(file.whole(), charset=file.charset)
    yield Text(found.text, first_line(found.text), meta=_encoding_meta(found))


def read_markdown(file: OpenFile) -> Iterator[Record]:
    """A Markdown text; the title is that of its front matter, its first heading or first line."""
    found = decode(file.whole(), charset=file.charset)
    text, title = found.text, None
    front = re.match(r"---\r?\n(.*?)\r?\n---\r?\n", text, re.S)
    if front:
        text = text[front.end() :]
        named = re.search(r"^title:[ \t]*(\S.*)$", front[1], re.M)
        title = named[1].strip().strip("\"'") if named else None
    heading = HEADING.search(text)
    if not title and heading:
        title = heading[2] or _without_closing(heading[1].rstrip())
    yield Text(text, title or first_line(text), meta=_encoding_meta(found))


def _without_closing(heading: str) -> str:
    """A heading without the signs that may close it: ``Title ##``, but not ``C#``."""
    without = heading.rstrip("#")
    return without.rstrip() if without[-1:].isspace() else heading


def read_html(file: OpenFile) -> Iterator[Record]:
    """The main content of a page, without its navigation; all of it where there is no main part."""
    yield text_of_page(decode(file.whole(), declared_in_html=True, charset=file.charset))


def text_of_page(found: Decoded) -> Text:
    """The same of a page that is decoded already.

    Raises:
        Undecodable: it is made in a way that reading it would take for ever.
    """
    tree = HTMLTree.parse(bounded(found.text))
    # The time to find the main part grows with the depth of each element.
    if tree.document and tree.document.query_selector(TOO_DEEP):
        raise Undecodable(f"HTML with more than {DEEPEST} levels")
    text = extract_plain_text(tree, main_content=True) or extract_plain_text(tree)

    def first(selector: str) -> ElementNode | None:
        node = tree.document.query_selector(selector) if tree.document else None
        return node if isinstance(node, ElementNode) else None

    heading, link, root = first("h1"), first("link[rel=canonical]"), first("html")
    title = tree.title or (heading.text if heading else None) or ""
    url = link.getattr("href") if link else None
    declared = primary((root.getattr("lang") if root else None) or "")
    meta = _encoding_meta(found)
    if declared:
        meta["declared_language"] = declared
    return Text(
        text,
        " ".join(title.split()) or None,
        url or None,
        # Templates say lang="en" on pages in every language.
        language(text, declared=declared),
        meta=meta,
    )


READERS: dict[str, Reader] = {
    ".txt": read_txt,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".pdf": read_pdf,
    ".docx": read_docx,
}


def _encoding_meta(found: Decoded) -> dict[str, str | int]:
    """The encoding, and damaged characters if any, as a document's metadata."""
    meta: dict[str, str | int] = {"encoding": found.encoding}
    if found.broken:
        meta["damaged_characters"] = found.broken
    return meta
