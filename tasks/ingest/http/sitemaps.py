"""The addresses that sitemaps name: XML or lines of text, gzipped or not, indexes of sitemaps.

See sitemaps.org/protocol.html. The entities of XML are no danger: expat ends where they multiply,
and no external one is read.
"""

import io
from collections.abc import Iterator
from xml.etree import ElementTree

from tasks.ingest.http.addresses import Refused
from tasks.ingest.http.client import Client
from tasks.ingest.http.request import Limits, normalized, unpacked
from tasks.ingest.left_out import LeftOut
from tasks.ingest.text_encoding import Undecodable
from tasks.ingest.xml_bytes import in_utf8

GZIP_MARK = b"\x1f\x8b"
MOST_SITEMAPS = 1_000


def addresses_in_sitemaps(
    sitemaps: list[str], client: Client, limits: Limits, left_out: LeftOut
) -> tuple[list[str], list[Refused]]:
    """All pages that the sitemaps name, as they name them, and why sitemaps could not be had."""
    waiting: list[str] = []
    found: list[str] = []
    refused: list[Refused] = []
    for each in sitemaps:
        try:
            waiting.append(normalized(each))
        except Refused as error:
            refused.append(error)
            left_out.add(error.reason, each, detail=error.detail)
    seen = set(waiting)
    while waiting:
        here = waiting.pop(0)
        try:
            page, earlier = client.page(here)
            content = page.content()
            if content.startswith(GZIP_MARK):
                content = b"".join(unpacked([content], limits))
                if len(content) > limits.longest:
                    raise limits.too_long()
        except Refused as error:
            refused.append(error)
            left_out.add(error.reason, here, detail=error.detail)
            continue
        if earlier:
            left_out.add(earlier, here)
        for address, is_sitemap in _named_in(content, here, left_out):
            if not is_sitemap:
                found.append(address)
                continue
            try:
                address = normalized(address)
            except Refused as error:
                left_out.add(error.reason, address)
                continue
            if address in seen:
                continue
            if len(seen) >= MOST_SITEMAPS:
                left_out.add(f"more than {MOST_SITEMAPS:,} sitemaps", address)
                continue
            seen.add(address)
            waiting.append(address)
    return found, refused


def _named_in(content: bytes, where: str, left_out: LeftOut) -> Iterator[tuple[str, bool]]:
    """The addresses in one sitemap, and whether they are of sitemaps."""
    try:
        content = in_utf8(content)
        if not content.lstrip().startswith(b"<"):
            for line in content.decode().splitlines():
                if line.strip():
                    yield line.strip(), False
            return
        for _, element in ElementTree.iterparse(io.BytesIO(content)):
            kind = element.tag.rpartition("}")[2]
            if kind not in ("url", "sitemap"):
                continue
            for child in element:
                if child.tag.rpartition("}")[2] == "loc" and (child.text or "").strip():
                    yield str(child.text).strip(), kind == "sitemap"
            element.clear()
    except (ElementTree.ParseError, ValueError, Undecodable) as error:
        left_out.add("a sitemap that is cut off or no XML", where, detail=str(error))
