"""What a gzip file of many members holds, also where some of them are damaged.

A WARC file has a member a record, so that the ones behind a damage can still be read: the next is
found by the bytes that it begins with. Python's own ``gzip`` stops at the first damage.
"""

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from tasks.ingest.open_file import Packed
from tasks.ingest.warc import ReadSome

READ_BYTES = 2**16
KEPT_BYTES = 2**17
"""So far back a member is looked for: a damage may be noticed only after the next has begun."""

# Deflated, and no flag that has no meaning.
_BEGINNING = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_ANY_GZIP = 31


def without_padding(behind: bytes) -> bytes:
    """What stands behind a member, without the zeros that tapes and block devices fill up with."""
    return behind.lstrip(b"\0")


class GzipMembers:
    """A gzip file, unpacked; after each damage it begins anew.

    Attributes:
        damages: what was wrong, one for each place.
    """

    def __init__(self, stream: BinaryIO, packed: Packed) -> None:
        self._stream, self._packed = stream, packed
        self._rest = b""
        self._recent = b""
        self._unpacker: zlib._Decompress | None = None
        self.damages: list[str] = []

    def pieces(self) -> Iterator[ReadSome]:
        """What lies between two damages, to be read to its end before the next is asked for."""
        while self._packed.left_bytes >= 0 and self._is_at_a_member():
            yield self._read

    def _is_at_a_member(self) -> bool:
        """Go to where the next member begins; whether there is one."""
        while True:
            found = _BEGINNING.search(self._rest)
            if found:
                self._rest = self._rest[found.start() :]
                self._begin()
                return True
            more = self._stream.read(READ_BYTES)
            if not more:
                return False
            self._rest = self._rest[-3:] + more

    def _begin(self) -> None:
        self._unpacker, self._recent = zlib.decompressobj(_ANY_GZIP), self._rest[1:KEPT_BYTES]

    def _read(self, size: int) -> bytes:
        """So many bytes or less; none at a damage, at the limit and at the end."""
        while self._unpacker and self._packed.left_bytes >= 0:
            if not self._rest:
                self._rest = self._stream.read(READ_BYTES)
                self._recent = (self._recent + self._rest)[-KEPT_BYTES:]
            try:
                unpacked = self._unpacker.decompress(self._rest, size)
            except zlib.error as error:
                return self._damage(str(error))
            if self._unpacker.eof:
                self._rest = self._unpacker.unused_data
                self._next_member()
            elif not self._rest and not unpacked:
                return self._damage("it is cut off")
            else:
                self._rest = self._unpacker.unconsumed_tail
            if unpacked:
                self._packed.left_bytes -= len(unpacked)
                return unpacked
        return b""

    def _next_member(self) -> None:
        """Begin with the member that follows, if one does."""
        self._rest = without_padding(self._rest)
        while len(self._rest) < 4:
            more = self._stream.read(READ_BYTES)
            self._rest = without_padding(self._rest + more)
            if not more:
                break
        if _BEGINNING.match(self._rest):
            self._begin()
            return
        self._unpacker = None
        if self._rest:
            self.damages.append("no gzip member where one should begin")

    def _damage(self, what: str) -> bytes:
        self.damages.append(" ".join(what.split()))
        self._unpacker, self._rest = None, self._recent
        return b""
