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

GZIP_MARK = b"\x1f\x8b"
MOST_SITEMAPS = 1_000


def addresses_in_sitemaps(
    sitemaps: list[str], client: Client, limits: Limits, left_out: LeftOut
) -> tuple[list[str], list[Refused]]:
    """All pages that the sitemaps name, as they name them, and why sitemaps could not be had."""
    waiting = [normalized(each) for each in sitemaps]
    seen, found, refused = set(waiting), [], []
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
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        for line in content.decode("utf-8-sig", "replace").splitlines():
            if line.strip():
                yield line.strip(), False
        return
    try:
        for _, element in ElementTree.iterparse(io.BytesIO(content)):
            kind = element.tag.rpartition("}")[2]
            if kind not in ("url", "sitemap"):
                continue
            for child in element:
                if child.tag.rpartition("}")[2] == "loc" and (child.text or "").strip():
                    yield str(child.text).strip(), kind == "sitemap"
            element.clear()
    except ElementTree.ParseError as error:
        left_out.add("a sitemap that is cut off or no XML", where, detail=str(error))
