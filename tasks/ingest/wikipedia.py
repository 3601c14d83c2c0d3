"""The source ``wikipedia``: the articles of the dumps that ``ingest.wikipedia.paths`` names.

A document's id is ``wikipedia/zhwiki/13``: the wiki and the page's number, which it keeps when it
is renamed. Redirects, and pages that are no articles (talk, templates, categories), are counted
and left out. Of a page that comes twice, in one dump or in two of the same wiki, the first is kept.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.parsers import expat

from tasks.documents import Document
from tasks.ingest.archives import open_files
from tasks.ingest.left_out import LeftOut
from tasks.ingest.mediawiki_dump import (
    ARTICLES,
    CATEGORIES,
    FILES,
    ID,
    MALFORMED,
    MODEL,
    NAMESPACE,
    REVISION,
    TEXT,
    TIMESTAMP,
    TITLE,
    Page,
    Wiki,
    pages,
    parse,
    wiki_of,
)
from tasks.ingest.named_files import NamedFiles
from tasks.ingest.open_file import OpenFile
from tasks.ingest.source_files import Reading, SourceFile, read_anew
from tasks.ingest.wikitext import text_of
from tasks.ingest.wikitext_names import HIDDEN_NAMESPACES
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "wikipedia"
LICENSE = "CC BY-SA"
LICENSED_SITES = (
    *("wikipedia.org", "wiktionary.org", "wikibooks.org", "wikiquote.org", "wikisource.org"),
    *("wikiversity.org", "wikivoyage.org", "wikimedia.org", "mediawiki.org"),
)
"""Wikimedia's, whose texts are under that licence. (Wikinews and Wikidata have others.)"""

OLD_REDIRECT = re.compile(r"\s*#[^\s\[\]#*:]{2,20}\s*:?\s*\[\[")
"""Before 2010 nothing but its text told a redirect, in each language by another word."""

PAGE_NUMBER = re.compile(r"[0-9]{1,18}")
OTHER_PAGES = {
    "1": "talk page",
    "2": "user page",
    "4": "page about the wiki",
    "6": "file page",
    "8": "page of the software",
    "10": "template page",
    "12": "help page",
    "14": "category page",
    "100": "portal page",
    "828": "module page",
}


class _Seen:
    """Which pages came before: a bit each, so that a wiki of millions takes some megabytes."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, int], bytearray] = {}

    def add(self, wiki: str, page: int) -> bool:
        """Note a page; whether it is new."""
        block = self._blocks.setdefault((wiki, page >> 16), bytearray(2**13))
        place, bit = (page >> 3) & 0x1FFF, 1 << (page & 7)
        is_new = not block[place] & bit
        block[place] |= bit
        return is_new


def wikipedia(
    files: NamedFiles,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Document]:
    """The articles in the named dumps.

    Args:
        files: which, and the limits; a page longer than a document may be is left out.
        left_out: gets counted, and named, what is left out.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput: as ``NamedFiles.found``.
    """
    seen = _Seen()
    for page in files.contents(_contents, left_out, reading, progress, in_order=True):
        assert isinstance(page, Document)
        wiki, _, number = page.id.rpartition("/")
        if seen.add(wiki, int(number)):
            yield page
        else:
            left_out.add(
                "page that came before, here or in another dump of the wiki",
                f"{page.meta['path']}, {page.title}",
            )


def _contents(named: SourceFile, left_out: LeftOut, *, limits: FolderParams) -> Iterator[Document]:
    for file in open_files(named.path, named.where, limits, left_out):
        yield from _articles(file, left_out)


def _articles(file: OpenFile, left_out: LeftOut) -> Iterator[Document]:
    wiki, hidden = Wiki(file.where), HIDDEN_NAMESPACES
    for number, part in enumerate(pages(file, left_out)):
        if file.packed.trouble():
            return  # what is in hand may be half of one page and half of another
        if not number:
            wiki = wiki_of(part, file.where, left_out)
            own = (name for name, key in wiki.prefixes.items() if key in (FILES, CATEGORIES))
            hidden = HIDDEN_NAMESPACES.union(own)
            continue
        where = f"{file.where}:{number}"
        page = Page()
        try:
            parse(part, page)
        except expat.ExpatError as error:
            left_out.add(MALFORMED, where, detail=expat.ErrorString(error.code) or "")
            continue
        if reason := _not_taken(page, wiki):
            left_out.add(reason, where)
            continue
        if not (PAGE_NUMBER.fullmatch(page[ID]) and page[TITLE]):
            left_out.add("page without a title or a number", where)
            continue
        text = text_of(page[TEXT], hidden)
        if not text:
            left_out.add("page without text", where)
            continue
        yield Document(
            id=f"{SOURCE}/{wiki.name}/{page[ID]}",
            source=SOURCE,
            url=wiki.url(page[TITLE]),
            title=page[TITLE],
            text=text,
            lang=wiki.language(text),
            license=_license(wiki.base),
            fetched_at=_time(page[TIMESTAMP]),
            meta={"path": file.where, "revision": page[REVISION]},
        )


def _not_taken(page: Page, wiki: Wiki) -> str | None:
    """Why a page is no article; None if it is one."""
    if page.is_redirect or OLD_REDIRECT.match(page[TEXT]):
        return "redirect"
    namespace = page[NAMESPACE] or wiki.namespace(page[TITLE])
    if namespace != ARTICLES:
        is_talk = namespace[-1:] in set("13579")
        return OTHER_PAGES.get("1" if is_talk else namespace, "page that is no article")
    if page[MODEL] not in ("", "wikitext"):
        return "page that is no wikitext"
    return None


def _license(base: str) -> str | None:
    """The licence of a wiki by its address; None where it is not known: a dump tells none."""
    try:
        host = urlsplit(base).hostname or ""
    except ValueError:
        return None
    is_known = any(host == site or host.endswith(f".{site}") for site in LICENSED_SITES)
    return LICENSE if is_known else None


def _time(timestamp: str) -> datetime | None:
    """The moment of a revision; None where it is not told."""
    try:
        found = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
