"""The records of a WARC file (ISO 28500), one after the other, whatever has happened to the file.

fastwarc and warcio stop at the first record that is not as it should be. Here a record that is
damaged is told as such, and reading goes on at the next line that begins one: a wrong
Content-Length, too small or too large, costs nothing. No more than one record is held in memory.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tasks.ingest.records import Broken

ReadSome = Callable[[int], bytes]

READ_BYTES = 2**18
LONGEST_HEADER = 2**16
NO_RECORD = "bytes that belong to no WARC record"
IS_ARC = "is an ARC file: only WARC is read"
CUT = "WARC record is cut off"
WRONG_LENGTH = "WARC record with a wrong Content-Length: read up to the next one"
NO_LENGTH = "WARC record without a Content-Length"
BROKEN_HEADER = "WARC record with a broken header"

_BEGINNING = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n[\w-]+[ \t]*:", re.A)
_BEGINNING_OF_A_LINE = re.compile(rb"\n" + _BEGINNING.pattern, re.A)
_LONGEST_BEGINNING = 128
_LENGTH = re.compile(r"[0-9]{1,18}")  # Python refuses to read a number of thousands of digits
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SEPARATOR = re.compile(rb"[\r\n]*")
_HEADER = re.compile(r"^([\w-]+)[ \t]*:[ \t]*(.*(?:\n[ \t]+.*)*)", re.M | re.A)


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A record: its place in the file (1 for the first), its headers and its block.

    The names of the headers are in small letters; of two of a name the first counts. Where the
    length is wrong, ``wrong_length`` says how, and the block goes up to the next record.
    """

    number: int
    headers: dict[str, str]
    block: bytes
    wrong_length: str = ""

    @property
    def kind(self) -> str:
        """``response``, ``request``, ``conversion``, ..."""
        return self.headers.get("warc-type", "").lower()

    @property
    def url(self) -> str | None:
        """The address, without the ``<>`` that wget 1.14 puts around it."""
        return self.headers.get("warc-target-uri", "").strip("<> ") or None


def warc_records(read: ReadSome, longest: int, before: int = 0) -> Iterator[WarcRecord | Broken]:
    """All records of a stream; of what is damaged or too long, why it is left out.

    Args:
        read: gives so many bytes or less, none at the end.
        longest: the most bytes that a record may have; longer ones are passed over unread.
        before: so many records of the file came already.
    """
    window = _Window(read)
    number = before
    while window.is_at_something():
        number += 1
        if window.is_at_a_beginning():
            yield _record(window, longest, number)
        else:
            reason = IS_ARC if window.begins_with(b"filedesc:") else NO_RECORD
            yield Broken(number, reason, f"{window.to_next():,} bytes")


def headers_of(text: str) -> dict[str, str]:
    """The headers of a record or a message, by their names in small letters; the first counts.

    >>> headers_of("Content-Type: text/html\\r\\nContent-Length:5\\r\\n")
    {'content-type': 'text/html', 'content-length': '5'}
    """
    headers: dict[str, str] = {}
    for name, value in _HEADER.findall(text):
        headers.setdefault(name.lower(), " ".join(value.split()))
    return headers


def _record(window: "_Window", longest: int, number: int) -> WarcRecord | Broken:
    """The record that begins here; the window stands behind it afterwards."""
    end = window.end_of_header()
    if end is None:
        window.to_next()
        return Broken(number, BROKEN_HEADER if window.is_at_something() else CUT)
    headers = headers_of(window.take(end).decode("utf-8", "replace"))
    told = headers.get("content-length", "")
    if not _LENGTH.fullmatch(told):
        window.to_next()
        return Broken(number, NO_LENGTH, told[:40])
    length = int(told)
    if length > longest:
        # It is not held, so there is no going back: where another begins in it, it is taken.
        window.to_next(length)
        return Broken(number, _too_long(longest))
    if window.holds_whole(length):
        return WarcRecord(number, headers, window.take(length))
    there = window.distance_to_next(longest)
    if there is None:
        window.to_next()
        return Broken(number, _too_long(longest))
    if there < length and window.ends_after(there):
        window.take(there)
        return Broken(number, CUT, f"{there:,} of {length:,} bytes")
    block = window.take(there).rstrip(b"\r\n")
    return WarcRecord(number, headers, block, f"{length:,}, not {len(block):,} or so")


def _too_long(longest: int) -> str:
    return f"longer than {longest:,} bytes (ingest.folder.max_document_bytes)"


class _Window:
    """The stream from the place where reading stands, as far as it had to be looked ahead."""

    def __init__(self, read: ReadSome) -> None:
        self._read, self._data, self._at, self._has_ended = read, bytearray(), 0, False

    def _holds(self, size: int) -> bool:
        """Read on until so many bytes lie ahead; whether there are as many."""
        while not self._has_ended and len(self._data) - self._at < size:
            if self._at > READ_BYTES and 2 * self._at > len(self._data):
                del self._data[: self._at]
                self._at = 0
            more = self._read(READ_BYTES)
            self._has_ended = not more
            self._data += more
        return len(self._data) - self._at >= size

    def is_at_something(self) -> bool:
        """Pass over empty lines; whether anything follows."""
        while self._holds(1):
            self._at = _SEPARATOR.match(self._data, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._data):
                return True
        return False

    def is_at_a_beginning(self) -> bool:
        self._holds(_LONGEST_BEGINNING)
        return _BEGINNING.match(self._data, self._at) is not None

    def begins_with(self, text: bytes) -> bool:
        return self._data.startswith(text, self._at)

    def end_of_header(self) -> int | None:
        """How long the header is, with its blank line; None if it has no end."""
        for size in (4096, LONGEST_HEADER):
            self._holds(size)
            found = _BLANK_LINE.search(self._data, self._at, self._at + size)
            if found:
                other = _BEGINNING_OF_A_LINE.search(self._data, self._at, found.end())
                return None if other else found.end() - self._at
        return None

    def holds_whole(self, size: int) -> bool:
        """Whether what should follow so many bytes does: empty lines, a record or the end."""
        if not self._holds(size + _LONGEST_BEGINNING) and not self._holds(size):
            return False
        behind = self._at + size
        end = _SEPARATOR.match(self._data, behind).end()  # type: ignore[union-attr]
        return (
            self._data.startswith(b"\r\n\r\n", behind)
            or (end == len(self._data) and self._has_ended)
            or _BEGINNING.match(self._data, end) is not None
        )

    def distance_to_next(self, most: int) -> int | None:
        """How far it is to the line that begins the next record, or to the end.

        None if it is further than ``most``. All of it is held, and reading stands where it did.
        """
        searched = 0
        while searched <= most:
            self._holds(searched + READ_BYTES)
            found = _BEGINNING_OF_A_LINE.search(self._data, self._at + searched)
            ahead = len(self._data) - self._at
            if found:
                distance = found.start() + 1 - self._at
                return distance if distance <= most else None
            if self._has_ended:
                return ahead if ahead <= most else None
            # The line may be in the part that is not read yet.
            searched = max(searched, ahead - _LONGEST_BEGINNING)
        return None

    def ends_after(self, size: int) -> bool:
        """Whether nothing follows so many bytes."""
        return not self._holds(size + 1)

    def take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._data)[self._at : self._at + size])
        self._at += size
        return taken

    def to_next(self, most: int | None = None) -> int:
        """Go to the next line that begins a record, or the end; the bytes passed over.

        Args:
            most: go no further than so many bytes.
        """
        passed = 0
        while self._holds(1):
            self._holds(READ_BYTES)
            found = _BEGINNING_OF_A_LINE.search(self._data, self._at)
            ahead = len(self._data) - self._at
            # The line may be in the part that is not read yet.
            step = ahead if self._has_ended else max(1, ahead - _LONGEST_BEGINNING)
            if found:
                step = found.start() + 1 - self._at
            if most is not None and passed + step >= most:
                self._at += most - passed
                return most
            self._at += step
            passed += step
            if found:
                break
        return passed
