"""The source ``web``: pages by their addresses, or by the sitemaps that name them.

First all pages are fetched into the cache (http/), side by side where they stand on different
hosts; then they are read from there, in the order of their addresses. So the same cache gives the
same documents, ``fetched_at`` included. An id is ``web/<address>``, as it was asked for; ``url`` is
where that led.
"""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from chatwright.errors import BadInput, BadParameter, ServiceUnavailable
from tasks.documents import Document
from tasks.ingest.formats import read_html, read_markdown, read_txt
from tasks.ingest.http.addresses import ALLOW_PRIVATE, PRIVATE, Refused
from tasks.ingest.http.cache import Cache, Page
from tasks.ingest.http.client import Client
from tasks.ingest.http.request import TRUST, UNTRUSTED, Limits, normalized
from tasks.ingest.http.sitemaps import addresses_in_sitemaps
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.open_file import OpenFile, Packed
from tasks.ingest.pdf import read_pdf
from tasks.ingest.records import LONGEST_TITLE, Text
from tasks.ingest.text_encoding import Undecodable
from tasks.params_ingest import IngestParams
from tasks.params_web import WebParams
from tasks.progress import Progress, silent

SOURCE = "web"
MOST_HOSTS_AT_ONCE = 16
READERS = {
    "text/html": read_html,
    "application/xhtml+xml": read_html,
    "text/plain": read_txt,
    "text/markdown": read_markdown,
    "application/pdf": read_pdf,
}


def check_names_a_page(params: WebParams) -> None:
    """Raise ``BadParameter`` where no page is named at all."""
    if not params.urls and not params.sitemaps:
        raise BadParameter(
            "ingest.web.urls",
            "names no page",
            "Name some, or a sitemap in ingest.web.sitemaps, or take web out of ingest.sources",
        )


def web(
    params: IngestParams, left_out: LeftOut, *, progress: Progress = silent
) -> Iterator[Document]:
    """The documents of the pages named.

    Args:
        params: the pages (``web``) and how long one may be (``folder``).
        left_out: gets counted, and named, each page that could not be had, with the reason.

    Raises:
        BadParameter: no page is named.
        ServiceUnavailable: not one could be had, and another time one may.
        BadInput: not one could be had.
    """
    check_names_a_page(params.web)
    longest = params.folder.max_document_bytes
    client = Client(params.web, longest, Cache())
    limits = Limits(longest, params.web.timeout_seconds, params.web.allow_private)
    in_sitemaps, refused = addresses_in_sitemaps(params.web.sitemaps, client, limits, left_out)
    addresses: set[str] = set()
    for address in [*params.web.urls, *in_sitemaps]:
        try:
            addresses.add(normalized(address))
        except Refused as error:
            refused.append(error)
            left_out.add(error.reason, address, detail=error.detail)
    wanted = sorted(addresses)
    if more := wanted[params.web.max_pages :]:
        left_out.add("above ingest.web.max_pages", more[0], count=len(more))
        del wanted[params.web.max_pages :]
    pages: list[Page] = []
    for address, found in _fetched(wanted, client, progress):
        if isinstance(found, Refused):
            refused.append(found)
            left_out.add(found.reason, address, detail=found.detail)
            continue
        page, earlier = found
        if earlier:
            left_out.add(earlier, address)
        pages.append(page)
    if not pages:
        raise _nothing(refused)
    for page in pages:
        yield from _documents(page, longest, left_out)


def _nothing(refused: list[Refused]) -> ServiceUnavailable | BadInput:
    if not refused:
        return BadInput("ingest.web.sitemaps", "they name no page", "Name others, or pages")
    first = next((each for each in refused if not each.may_pass), refused[0])
    detail = f" ({first.detail.rstrip('.')})" if first.detail else ""
    what = f"none of the pages and sitemaps could be had: {first.reason}{detail}"
    if first.may_pass:
        return ServiceUnavailable("ingest.web", what, "See to the network, and run again")
    remedy = "Mend the addresses"
    if PRIVATE in first.reason:
        remedy = f"Name others, or {ALLOW_PRIVATE}"
    elif UNTRUSTED in first.reason:
        remedy = TRUST
    return BadInput("ingest.web", what, remedy)


def _fetched(
    addresses: list[str], client: Client, progress: Progress
) -> Iterator[tuple[str, tuple[Page, str | None] | Refused]]:
    """What became of each address, in the order of the addresses; a thread for each host."""
    by_host: dict[str, list[str]] = {}
    for address in addresses:
        by_host.setdefault(urlsplit(address).hostname or "", []).append(address)
    results: dict[str, tuple[Page, str | None] | Refused] = {}
    one_at_a_time = threading.Lock()

    def fetch_all(of_one_host: list[str]) -> None:
        for address in of_one_host:
            try:
                results[address] = client.page(address)
            except Refused as error:
                results[address] = error
            with one_at_a_time:
                progress(len(results), len(addresses), "pages")

    with ThreadPoolExecutor(MOST_HOSTS_AT_ONCE) as threads:
        try:
            for each in as_completed([threads.submit(fetch_all, own) for own in by_host.values()]):
                each.result()
        except BaseException:
            client.stop()
            threads.shutdown(wait=True, cancel_futures=True)
            raise
    for address in addresses:
        yield address, results[address]


def _documents(page: Page, longest: int, left_out: LeftOut) -> Iterator[Document]:
    """What a page holds."""
    reader = READERS.get(page.content_type)
    if reader is None:
        left_out.add(f"not a format that is read ({page.content_type})", page.address)
        return
    if page.body is None:
        raise ValueError(f"{page.address} is not kept")
    name = PurePosixPath(unquote(urlsplit(page.final).path)).name
    with open(page.body, "rb") as stream:
        packed = Packed(stream, max_expansion=1)
        file = OpenFile(page.address, name, stream, packed, longest, charset=page.charset)
        try:
            for record in reader(file):
                if not isinstance(record, Text) or not record.text.strip():
                    left_out.add("no text in it", page.address)
                    continue
                if damaged := record.meta.get("damaged_characters", 0):
                    left_out.add("damaged characters", page.address, count=damaged)
                yield _document(page, record, name)
        except Undecodable as error:
            left_out.add(str(error), page.address)


def _document(page: Page, record: Text, name: str) -> Document:
    title = " ".join((record.title or "").split())[:LONGEST_TITLE]
    return Document(
        id=f"{SOURCE}/{page.address}",
        source=SOURCE,
        url=page.final,
        title=title or re.sub(r"\.\w{1,5}$", "", name) or page.final,
        text=record.text,
        lang=record.lang or language(record.text),
        fetched_at=datetime.fromisoformat(page.fetched_at),
        meta={"content_type": page.content_type, **record.meta},
    )
