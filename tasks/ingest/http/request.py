"""One request to one server, within limits of time and size; where it leads on is not followed.

By urllib3's connections, which can be told the number to connect to and the name to speak to and to
check the certificate against; that is what keeps the number checked and the number used the same.
"""

import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
)
from urllib3.response import HTTPResponse
from urllib3.util import parse_url
from urllib3.util.ssl_match_hostname import CertificateError

from tasks.ingest.gzip_members import without_padding
from tasks.ingest.http.addresses import Refused, checked_ips

CHUNK_BYTES = 2**16
UNTRUSTED = "its certificate is not trusted"
TRUST = "If you trust it, name the certificate of who signed it in the variable SSL_CERT_FILE"
MOST_DIGITS = 18
"""Of a length; Python refuses to read a number of thousands."""


@dataclass(frozen=True)
class Limits:
    """``longest``: the most bytes of an answer, unpacked; ``seconds``: for all of it."""

    longest: int
    seconds: float
    allow_private: bool

    def too_long(self) -> Refused:
        """The refusal of what is longer."""
        return Refused(f"longer than {self.longest:,} bytes (ingest.folder.max_document_bytes)")


@dataclass(frozen=True)
class Answer:
    """What a server said; ``content`` without the compression of its way."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def normalized(address: str) -> str:
    """An address in one spelling, without the part that is not sent.

    Raises:
        Refused: it is none, or not of http or https, or holds a name or password.

    >>> normalized("HTTP://Example.COM:80/a b/../ü?q#part")
    'http://example.com/%C3%BC?q'
    """
    try:
        parts = parse_url(address.strip())
        urlsplit(parts.url)  # by which others read it: they have to agree that it is one
    except ValueError:
        raise Refused("is no address") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise Refused("leads to an address that is not of http or https")
    if parts.auth:
        raise Refused("leads to an address with a name or password in it")
    port = None if parts.port == (443 if parts.scheme == "https" else 80) else parts.port
    return parts._replace(port=port, path=parts.path or "/", fragment=None).url


def ask(
    address: str, headers: Mapping[str, str], limits: Limits, *, stopped: threading.Event
) -> Answer:
    """GET an address.

    Args:
        address: as ``normalized`` gives it.
        headers: to be sent, besides those of the connection.
        stopped: ends the request when it is set.

    Raises:
        Refused: it may not be asked, does not answer, answers too slowly, too much or half.
    """
    parts = parse_url(address)
    host, secure = str(parts.host).strip("[]"), parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    refusal: Refused | None = None
    for number in checked_ips(host, port, allow_private=limits.allow_private):
        connection: HTTPConnection
        if secure:
            connection = HTTPSConnection(
                number, port, timeout=limits.seconds, server_hostname=host, assert_hostname=host
            )
        else:
            connection = HTTPConnection(number, port, timeout=limits.seconds)
        with _Watch(connection, limits.seconds, stopped) as watch:
            try:
                connection.connect()
            except (ssl.SSLCertVerificationError, CertificateError) as error:
                detail = getattr(error, "verify_message", "") or str(error)
                raise Refused(UNTRUSTED, detail) from None
            except ssl.SSLError as error:
                if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                    # A busy server drops a connection where it stands, if amid the greetings.
                    refusal = Refused("does not answer", str(error.reason), may_pass=True)
                    continue
                raise Refused("does not answer as https does", str(error.reason or error)) from None
            except (HTTPError, OSError) as error:
                # urllib3 makes a refused connection a kind of timeout.
                late = isinstance(error, ConnectTimeoutError) and not isinstance(
                    error, NewConnectionError
                )
                detail = " ".join(str(error).split())
                refusal = Refused("does not answer", detail, may_pass=True)
                if watch.is_late or late:
                    refusal = watch.too_slow()
                continue
            try:
                return _answer(connection, parts.request_uri, parts.netloc or host, headers, limits)
            except Refused:
                raise
            except (HTTPError, http.client.HTTPException, OSError) as error:
                if watch.is_late or isinstance(error, TimeoutError):
                    raise watch.too_slow() from None
                detail = " ".join(str(error).split()) or type(error).__name__
                raise Refused("breaks off half-way", detail, may_pass=True) from None
    raise refusal or Refused("does not answer", may_pass=True)


def _answer(
    connection: HTTPConnection, uri: str, host: str, headers: Mapping[str, str], limits: Limits
) -> Answer:
    connection.request(
        "GET",
        uri,
        headers={**headers, "Host": host, "Accept-Encoding": "gzip", "Connection": "close"},
        preload_content=False,
        decode_content=False,
    )
    response = connection.getresponse()
    found = {name.lower(): value for name, value in response.headers.items()}
    if response.status != 200:
        return Answer(response.status, found, b"")
    packing = found.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise Refused("comes in a compression that was not asked for", packing)
    length = found.get("content-length", "")
    if length.isascii() and length.isdigit():
        length = length.lstrip("0")
        if len(length) > MOST_DIGITS or int(length or 0) > limits.longest:
            raise limits.too_long()
    chunks = _received(response)
    if packing in ("gzip", "x-gzip"):
        chunks = unpacked(chunks, limits)
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > limits.longest:
            raise limits.too_long()
    return Answer(response.status, found, bytes(content))


def _received(response: HTTPResponse) -> Iterator[bytes]:
    yield from response.stream(CHUNK_BYTES, decode_content=False)


def unpacked(chunks: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """What gzipped bytes hold, piece by piece, so that a bomb is stopped at the limit.

    Raises:
        Refused: they end half-way, or are no gzip.
    """
    opener, left = zlib.decompressobj(wbits=31), limits.longest + 1
    try:
        for chunk in chunks:
            while chunk and left > 0:
                if opener.eof:  # another member may follow
                    chunk = without_padding(chunk)
                    if not chunk:
                        break
                    opener = zlib.decompressobj(wbits=31)
                piece = opener.decompress(chunk, left)
                left -= len(piece)
                yield piece
                chunk = opener.unused_data if opener.eof else opener.unconsumed_tail
            if left <= 0:
                return
    except zlib.error as error:
        raise Refused("its compression is damaged", str(error), may_pass=True) from None
    if not opener.eof:
        raise Refused("breaks off half-way", "in its compression", may_pass=True)


class _Watch:
    """Closes a connection when its time is over, as a server may send a byte now and then for
    ever, or when all work stops."""

    def __init__(
        self, connection: HTTPConnection, seconds: float, stopped: threading.Event
    ) -> None:
        self._connection, self._seconds, self._stopped = connection, seconds, stopped
        self._done = threading.Event()
        self.is_late = False
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        left = self._seconds
        while left > 0 and not self._stopped.is_set():
            if self._done.wait(min(left, 0.5)):
                return
            left -= 0.5
        self.is_late = True
        open_socket = self._connection.sock
        if open_socket is not None:
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has just been closed

    def too_slow(self) -> Refused:
        """The refusal of what took too long."""
        return Refused(
            f"took longer than {self._seconds:g} s (ingest.web.timeout_seconds)", may_pass=True
        )

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._connection.close()
