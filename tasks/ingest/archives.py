"""What a file holds: itself, or what is inside, where it is compressed or an archive.

Notable choices: everything is streamed, nothing is unpacked to a place of its member's choosing,
and all that comes out of one file on disk, at any depth, counts against one limit
(``ingest.folder.max_expansion``). What is cut off or damaged gives what comes before the damage.
zstd and lz4 are read by pyarrow, which is there anyway.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from chatwright.errors import BadInput
from tasks.ingest.left_out import LeftOut
from tasks.ingest.open_file import OpenFile, Packed
from tasks.ingest.readable_name import readable_name
from tasks.ingest.strict_tar import strict_tar
from tasks.params_ingest import FolderParams

ABBREVIATIONS = {".tgz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz", ".tzst": ".tar.zst"}
DEEPEST = 4
"""So many archives may stand inside one another: a zip can be made that holds itself."""

DAMAGED = "cut off or damaged: at most what comes before could be read"
DAMAGE = (
    EOFError,
    OSError,  # gzip's and bz2's own, and pyarrow's
    ValueError,
    RuntimeError,  # zipfile's, of what is encrypted or compressed in a way that it does not know
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)
"""What the libraries raise where the bytes are not as they should be."""

ReadSome = Callable[[int], bytes]


def open_files(
    path: Path,
    where: str,
    params: FolderParams,
    left_out: LeftOut,
    *,
    keeps_packed: tuple[str, ...] = (),
) -> Iterator[OpenFile]:
    """The file, or all that is in it, each to be read before the next is asked for.

    Args:
        path: the file on disk.
        where: how it is named to the user, and in ids.
        params: the limits.
        left_out: gets counted what cannot be read, and where a file stops short.
        keeps_packed: a file on disk with one of these endings is given as it is.

    Raises:
        BadInput: the file may not be read.
    """
    try:
        stream = path.open("rb")
    except PermissionError:
        raise BadInput(str(path), "may not be read", "Give yourself the right to") from None
    except OSError as error:
        left_out.add("cannot be opened", where, detail=error.strerror or type(error).__name__)
        return
    with stream:
        packed = Packed(stream, params.max_expansion)
        name = path.name
        for short, long in ABBREVIATIONS.items():
            if name.lower().endswith(short):
                name = name[: -len(short)] + long
        file = OpenFile(where, name, stream, packed, params.max_document_bytes)
        if name.lower().endswith(keeps_packed):
            yield file
        else:
            yield from _layers(file, left_out, DEEPEST)
        if trouble := packed.trouble():
            left_out.add(trouble, where)


def _layers(file: OpenFile, left_out: LeftOut, depth: int) -> Iterator[OpenFile]:
    """What is left when all compression and archives are taken off."""
    if file.suffix not in (*COMPRESSIONS, *ARCHIVES):
        yield file
        return
    if depth == 0:
        left_out.add(f"more than {DEEPEST} archives inside one another", file.where)
        return
    if file.suffix == ".tar":
        yield from _tar(file, left_out, depth)
    elif file.suffix == ".zip":
        yield from _zip(file, left_out, depth)
    else:
        unpacking = Unpacking(COMPRESSIONS[file.suffix](file.stream), file.packed)
        inner = _inside(file, file.where, file.stem, unpacking)
        # A name like notes.gz tells no format; .tar.gz is two layers of one archive.
        yield from _layers(inner, left_out, depth if inner.suffix == ".tar" else depth - 1)
        if unpacking.damage and not file.is_cut():  # else it is that of what it stands in
            left_out.add(DAMAGED, file.where, detail=unpacking.damage)


class Unpacking(io.RawIOBase):
    """Bytes as they are unpacked; they end at a damage, which is kept, or at the limit."""

    def __init__(self, read_some: ReadSome, packed: Packed, *, counted: bool = True) -> None:
        self._read_some, self._packed, self._counted = read_some, packed, counted
        self.damage = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        if self.damage or self._packed.left_bytes < 0:
            return 0
        try:
            data = self._read_some(len(buffer))
        except DAMAGE as error:
            self.damage = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            return 0
        if self._counted:
            self._packed.left_bytes -= len(data)
        buffer[: len(data)] = data
        return len(data)


def _gzip(stream: BinaryIO) -> ReadSome:
    return gzip.GzipFile(fileobj=stream).read1


def _bzip2(stream: BinaryIO) -> ReadSome:
    return bz2.BZ2File(stream).read1


def _xz(stream: BinaryIO) -> ReadSome:
    return lzma.LZMAFile(stream).read1


def _some(unpacked: Any, size: int) -> bytes:
    """A little: what one call has read is lost with it when the stream turns out to be cut off."""
    found: bytes = unpacked.read(min(size, 4096))
    return found


class _NotClosed:
    """A stream for pyarrow, which closes what it lets go of: the file is looked at afterwards."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.read = stream.read

    def close(self) -> None:
        pass


def _zstd(stream: BinaryIO, codec: str = "zstd") -> ReadSome:
    unpacked = pa.CompressedInputStream(pa.PythonFile(_NotClosed(stream), mode="r"), codec)
    return partial(_some, unpacked)


def _lz4(stream: BinaryIO) -> ReadSome:
    return _zstd(stream, "lz4")


COMPRESSIONS: dict[str, Callable[[BinaryIO], ReadSome]] = {
    ".gz": _gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": _zstd,
    ".lz4": _lz4,
}

ARCHIVES = (".tar", ".zip")
PACKED = frozenset([*COMPRESSIONS, *ARCHIVES, *ABBREVIATIONS])
"""The endings of files that hold others."""


def _tar(file: OpenFile, left_out: LeftOut, depth: int) -> Iterator[OpenFile]:
    seen: set[str] = set()
    try:
        with strict_tar(file.stream) as archive:
            while member := archive.next():
                # It would keep them all, however many there are.
                archive.members.clear()  # type: ignore[attr-defined]
                if file.packed.trouble():
                    return
                name = readable_name(member.name.encode("utf-8", "surrogateescape"))
                if member.isdir() or not _wanted(name, file.where, seen, left_out):
                    continue
                if member.issparse():  # its holes, of which no byte is read, may be endless
                    left_out.add("file with holes in an archive", f"{file.where}!{name}")
                    continue
                if not member.isreg():
                    left_out.add("link or device in an archive", f"{file.where}!{name}")
                    continue
                content: Any = archive.extractfile(member)
                unpacking = Unpacking(partial(_some, content), file.packed, counted=False)
                yield from _member(file, name, unpacking, left_out, depth)
                # A member has no damage of its own: the archive ends in it, which is counted below.
    except DAMAGE as error:
        if not file.is_cut():
            left_out.add(DAMAGED, file.where, detail=" ".join(str(error).split()))


def _zip(file: OpenFile, left_out: LeftOut, depth: int) -> Iterator[OpenFile]:
    seen: set[str] = set()
    stream = file.seekable()
    try:
        archive = zipfile.ZipFile(stream)
    except DAMAGE as error:
        if not file.is_cut():
            reason = "is no zip, cut off or damaged"
            left_out.add(reason, file.where, detail=" ".join(str(error).split()))
        return
    for member in sorted(archive.infolist(), key=lambda member: member.filename):
        if file.packed.trouble():
            return
        in_utf8 = member.flag_bits & 0x800
        name = readable_name(member.filename.encode("utf-8" if in_utf8 else "cp437", "replace"))
        if member.is_dir() or not _wanted(name, file.where, seen, left_out):
            continue
        if member.flag_bits & 0x1:
            left_out.add("is encrypted", f"{file.where}!{name}")
            continue
        try:
            content: Any = archive.open(member)  # typeshed knows no read1 of it
        except DAMAGE as error:
            left_out.add(DAMAGED, f"{file.where}!{name}", detail=" ".join(str(error).split()))
            continue
        with content:
            unpacking = Unpacking(content.read1, file.packed)
            yield from _member(file, name, unpacking, left_out, depth)
        if unpacking.damage and not file.is_cut():
            left_out.add(DAMAGED, f"{file.where}!{name}", detail=unpacking.damage)


def _member(
    file: OpenFile, name: str, unpacking: Unpacking, left_out: LeftOut, depth: int
) -> Iterator[OpenFile]:
    """What one member of an archive holds."""
    inner = _inside(file, f"{file.where}!{name}", name.rsplit("/", 1)[-1], unpacking)
    yield from _layers(inner, left_out, depth - 1)


def _inside(file: OpenFile, where: str, name: str, unpacking: Unpacking) -> OpenFile:
    """What is unpacked out of a file, as a file of its own."""
    return OpenFile(
        where,
        name,
        io.BufferedReader(unpacking, 2**16),
        file.packed,
        file.longest,
        lambda: bool(unpacking.damage) or file.is_cut(),
    )


def _wanted(name: str, where: str, seen: set[str], left_out: LeftOut) -> bool:
    """Whether a member is to be read: its name stays inside, is not hidden, and is new."""
    parts = [part for part in name.replace("\\", "/").split("/") if part != "."]
    if not parts or not parts[0] or ".." in parts or parts[0][1:2] == ":":
        left_out.add("name that leads out of its archive", f"{where}!{name}")
        return False
    if parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts):
        return False
    if name in seen:
        left_out.add("same name twice in an archive", f"{where}!{name}")
        return False
    seen.add(name)
    return True
