"""What a web server answered: its status, its headers and the bytes of the page.

Crawlers keep the answer as it came over the line, or take chunks and compression off and leave the
headers as they were, or rename them (Common Crawl's ``X-Crawler-Content-Encoding``). So the bytes
decide, not the headers: what cannot be unpacked as told is taken as it is.
"""

import re
import zlib
from dataclasses import dataclass

import brotli
import pyarrow as pa

from tasks.ingest.archives import DAMAGE
from tasks.ingest.open_file import ALWAYS_UNPACKED_BYTES
from tasks.ingest.warc import headers_of

MOST_LAYERS = 4
"""So many compressions may lie around one page."""

GZIP_MAGIC = b"\x1f\x8b\x08"
PIECE_BYTES = 2**20

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})\b[^\n]*\n", re.A)
_BLANK_LINE = re.compile(rb"(?:^|\n)\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]{0,200})?\r?\n")


class Expands(Exception):
    """A body that unpacks into too much; the message says how far it may."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; ``trouble`` is what was wrong on the way to its ``body``, or empty."""

    status: int
    headers: dict[str, str]
    body: bytes
    trouble: str = ""

    @property
    def mime(self) -> str:
        """The type that the server named, without its parameters, in small letters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The encoding that the server named."""
        found = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", self.headers.get("content-type", ""))
        return found[1] if found else None


def status_of(block: bytes) -> int | None:
    """The status of an answer; None where it is none in HTTP.

    >>> status_of(b"HTTP/1.1 404 Not Found\\r\\n\\r\\n")
    404
    """
    found = _STATUS.match(block)
    return int(found[1]) if found else None


def response(block: bytes, longest: int, max_expansion: float) -> Response:
    """The answer in a record's block, its body free of chunks and compression.

    Args:
        block: status line, headers, body; it begins with a status (``status_of``).
        longest: the most bytes that the body may have.
        max_expansion: the most times its own size that it may unpack into.

    Raises:
        Expands: it is more than that.
    """
    status = _STATUS.match(block)
    assert status is not None, "the caller has looked"
    blank = _BLANK_LINE.search(block, status.end() - 1)
    head, body = (block, b"") if not blank else (block[: blank.start()], block[blank.end() :])
    headers = headers_of(head[status.end() :].decode("utf-8", "replace"))
    trouble = ""
    told = f"{headers.get('transfer-encoding')} {headers.get('x-crawler-transfer-encoding')}"
    if "chunked" in told.lower():
        body, trouble = _without_chunks(body)
    limit = min(longest, max(int(len(body) * max_expansion), ALWAYS_UNPACKED_BYTES))
    codings = [*headers.get("content-encoding", "").lower().replace(" ", "").split(",")]
    for coding in reversed(codings[-MOST_LAYERS:]):
        body, wrong = _unpacked(body, coding, limit)
        trouble = trouble or wrong
    for _ in range(MOST_LAYERS):  # packed without a word, or twice
        if body.startswith(GZIP_MAGIC):
            body, wrong = _unpacked(body, "gzip", limit)
            trouble = trouble or wrong
    return Response(int(status[1]), headers, body, trouble)


def _without_chunks(body: bytes) -> tuple[bytes, str]:
    """The body of its chunks, and what was wrong with them; as it is if it is in none."""
    pieces: list[bytes] = []
    at = 0
    while found := _CHUNK.match(body, at):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(pieces), ""
        pieces.append(body[found.end() : found.end() + size])
        at = found.end() + size
        if at >= len(body):
            return b"".join(pieces), "cut off" if at > len(body) else ""
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    if not pieces:
        return body, ""
    # From here on the sizes are wrong. No text is lost; a size may stand in it.
    return b"".join([*pieces, body[at:]]), "wrong chunk sizes"


def _unpacked(body: bytes, coding: str, limit: int) -> tuple[bytes, str]:
    """The body without one compression, and what was wrong; as it is if it is not in it."""
    if coding in ("gzip", "x-gzip") or (coding == "deflate" and body.startswith(GZIP_MAGIC)):
        return _inflated(body, 31, limit) if body.startswith(GZIP_MAGIC) else (body, "")
    if coding == "deflate":
        unpacked, wrong = _inflated(body, 15, limit)
        if not unpacked:  # Microsoft's servers left out the zlib header
            unpacked, wrong = _inflated(body, -15, limit)
        return (unpacked, wrong) if unpacked else (body, "")
    if coding == "br":
        return _from_brotli(body, limit)
    if coding == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
        return _from_zstd(body, limit)
    return body, ""


def _inflated(body: bytes, bits: int, limit: int) -> tuple[bytes, str]:
    unpacker = zlib.decompressobj(bits)
    pieces: list[bytes] = []
    size = 0
    while body and not unpacker.eof:
        try:
            piece = unpacker.decompress(body, PIECE_BYTES)
        except zlib.error:
            return b"".join(pieces), "damaged"
        body = unpacker.unconsumed_tail
        pieces.append(piece)
        size += len(piece)
        _check(size, limit)
    return b"".join(pieces), "" if unpacker.eof else "cut off"


def _from_brotli(body: bytes, limit: int) -> tuple[bytes, str]:
    """Brotli has no mark at its beginning: what gives nothing was not packed."""
    unpacker = brotli.Decompressor()
    pieces: list[bytes] = []
    size, rest = 0, body
    while not unpacker.is_finished():
        try:
            piece = unpacker.process(rest, output_buffer_limit=PIECE_BYTES)
        except brotli.error:
            return (b"".join(pieces), "damaged") if pieces else (body, "")
        if not piece and not rest:
            return (b"".join(pieces), "cut off") if pieces else (body, "")
        rest = b""
        pieces.append(piece)
        size += len(piece)
        _check(size, limit)
    return b"".join(pieces), ""


def _from_zstd(body: bytes, limit: int) -> tuple[bytes, str]:
    stream = pa.CompressedInputStream(pa.BufferReader(body), "zstd")
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := stream.read(2**16):
            pieces.append(piece)
            size += len(piece)
            _check(size, limit)
    except DAMAGE:
        return b"".join(pieces), "damaged"
    return b"".join(pieces), ""


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise Expands(f"unpacks into more than {limit:,} bytes")
