"""A tar archive read as a stream, as tarfile reads it, without what is there to do harm.

A damaged header is an error, not the archive's end. Headers that extend another one are looked at
before they are parsed, for which Python before 3.11.10 takes time quadratic in their length
(CVE-2024-6232): none may be longer than ``LONGEST_EXTENSION``, and the records of a pax header have
to be as POSIX.1-2017 (pax, "Extended Header") has them.
"""

import re
import tarfile
from typing import Any, BinaryIO, cast

BLOCK = tarfile.BLOCKSIZE
LONGEST_EXTENSION = 2**16
PAX_TYPES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
EXTENSION_TYPES = (*PAX_TYPES, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
LENGTH = re.compile(rb"([1-9]\d{0,5}) ")
MANY_DIGITS = re.compile(rb"\d{1000}")
"""tarfile looks for a number's end from each of its digits."""


def strict_tar(stream: BinaryIO) -> tarfile.TarFile:
    """The archive in a stream, to be read member by member.

    Raises:
        tarfile.TarError: also while it is read: it is damaged, or has a header that is refused.
    """
    return tarfile.TarFile(fileobj=cast(Any, _Ahead(stream)), tarinfo=_StrictMember)


class _Ahead:
    """A stream that goes forwards only, and of which what comes can be looked at before."""

    mode = "rb"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = b""
        self._place = 0

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._ahead) < size:
            more = self._stream.read(size - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        if len(data) < size:
            data += self._stream.read(size - len(data))
        self._place += len(data)
        return data

    def tell(self) -> int:
        return self._place

    def seekable(self) -> bool:
        return False

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.StreamError("leads back")
        while self._place < place and self.read(min(place - self._place, 2**16)):
            pass
        return self._place


class _StrictMember(tarfile.TarInfo):
    """A header of a tar archive; one that is damaged or refused is an error."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_StrictMember":  # type: ignore[override]
        try:
            cls._check(cast(_Ahead, tarfile_.fileobj))
            return super().fromtarfile(tarfile_)  # type: ignore[return-value]
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None

    @classmethod
    def _check(cls, stream: _Ahead) -> None:
        """Refuse an extension header that is too long or not in order."""
        block = stream.peek(BLOCK)
        if block[156:157] not in EXTENSION_TYPES:
            return
        header = cls.frombuf(block, "utf-8", "surrogateescape")
        if not 0 <= header.size <= LONGEST_EXTENSION:
            raise tarfile.ReadError(f"an extension header of {header.size:,} bytes")
        if header.type in PAX_TYPES:
            _check_records(stream.peek(BLOCK + header.size)[BLOCK:])


def _check_records(records: bytes) -> None:
    """Refuse the content of a pax header that is not made of records: ``12 key=value\\n``."""
    place = 0
    while place < len(records) and records[place]:
        length = LENGTH.match(records, place)
        end = place + int(length[1]) if length else 0
        if (
            length is None
            or records[end - 1 : end] != b"\n"
            or records.find(b"=", length.end(), end) < 0
        ):
            raise tarfile.ReadError("a pax header that is not made of records")
        place = end
    if MANY_DIGITS.search(records):
        raise tarfile.ReadError("a pax header with a number of a thousand digits")
