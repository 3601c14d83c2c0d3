"""A file of the user's, open for reading once, from its beginning to its end.

It may be a file on disk or something inside an archive: readers see no difference. Nothing is read
whole but what is one text, and that only up to ``ingest.folder.max_document_bytes``.
"""

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from tasks.ingest.text_encoding import Undecodable

IN_MEMORY_BYTES = 16 * 2**20
"""A member that has to be read back and forth stands on disk for the time, if it is larger."""

EMPTY = "is empty"
"""The reason for a file without anything in it."""

ALWAYS_UNPACKED_BYTES = 10 * 2**20
"""So much may come out of any archive, however small: it does no harm."""


class Packed:
    """A file on disk: what it may still unpack into, and whether it stays as it was."""

    def __init__(self, stream: BinaryIO, max_expansion: float) -> None:
        self._number = stream.fileno()
        self._before = self._state()
        self.max_expansion = max_expansion
        self.left_bytes = max(int(self._before[0] * max_expansion), ALWAYS_UNPACKED_BYTES)

    def _state(self) -> tuple[int, int]:
        found = os.fstat(self._number)
        return found.st_size, found.st_mtime_ns

    def trouble(self) -> str | None:
        """Why nothing more of it can be used; None while all is well."""
        if self.left_bytes < 0:
            return f"expands more than {self.max_expansion:g}-fold (ingest.folder.max_expansion)"
        if self._state() != self._before:
            return "changed while it was read"
        return None


@dataclass
class OpenFile:
    """What a reader gets.

    Attributes:
        where: the path below the folder, for an archive's member ``archive.zip!member.txt``.
        name: the last part of it without the endings of compression: its ending tells the format.
        stream: the bytes; it may not be able to go back.
        packed: the file on disk that it comes from.
        longest: the most bytes that one text or record may have.
        is_cut: whether the bytes have ended at a damage.
        charset: the encoding that the server which sent it gave.
    """

    where: str
    name: str
    stream: BinaryIO
    packed: Packed
    longest: int
    is_cut: Callable[[], bool] = lambda: False
    charset: str | None = None

    @property
    def suffix(self) -> str:
        """The ending of the name, in small letters, with its dot."""
        return PurePosixPath(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def too_long(self) -> str:
        """The reason for a text or record that is too long."""
        return f"longer than {self.longest:,} bytes (ingest.folder.max_document_bytes)"

    def whole(self) -> bytes:
        """All bytes.

        Raises:
            Undecodable: they are more than one document may have.
        """
        data = self.stream.read(self.longest + 1)
        if len(data) > self.longest:
            raise Undecodable(self.too_long)
        return data

    def head(self, size: int) -> bytes:
        """The first bytes, which are read again afterwards."""
        data = self.stream.read(size)
        self.stream = io.BufferedReader(_Rejoined(data, self.stream), 2**16)
        return data

    def seekable(self) -> BinaryIO:
        """The bytes as a stream that can go back and forth."""
        if self.stream.seekable():
            return self.stream
        copy = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)
        shutil.copyfileobj(self.stream, copy)
        copy.seek(0)
        return copy  # type: ignore[return-value]  # typeshed: it has all that a stream has

    def lines(self) -> Iterator[bytes | None]:
        """The lines as bytes, without their end; None for one that is too long."""
        while line := self.stream.readline(self.longest + 1):
            if len(line) <= self.longest or line.endswith(b"\n"):
                yield line.removesuffix(b"\n")
                continue
            while line and not line.endswith(b"\n"):
                line = self.stream.readline(2**20)
            yield None


class _Rejoined(io.RawIOBase):
    """Bytes that were read already, and the rest of the stream after them."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        data = self._head.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
