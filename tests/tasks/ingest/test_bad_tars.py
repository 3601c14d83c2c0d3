"""Tar archives made to do harm, and headers of harmless ones that look alike."""

import io
import tarfile
from pathlib import Path

import pytest

from tasks.documents import Document
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import FolderParams

DAMAGED = "cut off or damaged: at most what comes before could be read"


def read(root: Path) -> tuple[dict[str, str], LeftOut]:
    left_out = LeftOut()
    found = folder(FolderParams(path=str(root)), left_out)
    texts = {each.id: each.text for each in found if isinstance(each, Document)}
    return {key.removeprefix("folder/a.tar!"): text for key, text in texts.items()}, left_out


def filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def member(name: str, content: bytes) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = len(content)
    return header.tobuf(tarfile.GNU_FORMAT) + filled(content)


def extension(kind: bytes, content: bytes) -> bytes:
    header = tarfile.TarInfo("extension")
    header.type, header.size = kind, len(content)
    return header.tobuf(tarfile.GNU_FORMAT) + filled(content)


def sparse(name: str, content: bytes, size: int) -> bytes:
    """A member as GNU tar stores one whose content is followed by a hole."""
    header = tarfile.TarInfo(name)
    header.type, header.size = tarfile.GNUTYPE_SPARSE, len(content)
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    for place, number in zip(
        (386, 398, 410, 422, 483), (0, len(content), size, 0, size), strict=True
    ):
        block[place : place + 12] = tarfile.itn(number, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    block[482] = 0
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + filled(content)


END = bytes(1024)


def test_hole_of_two_terabytes_is_not_read(tmp_path: Path) -> None:
    lines = b'{"text": "Hello there."}\n'
    (tmp_path / "a.tar").write_bytes(
        sparse("x.jsonl", lines, 2 * 10**12) + member("y.txt", b"Text.") + END
    )
    found, left_out = read(tmp_path)
    assert found == {"y.txt": "Text."}
    assert left_out.named == ["a.tar!x.jsonl: file with holes in an archive"]


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_extension_header_that_is_too_long_is_not_parsed(tmp_path: Path, kind: bytes) -> None:
    value = b"x" * 70_000
    content = b"70016 comment=" + value + b"\n" + b"\0"
    (tmp_path / "a.tar").write_bytes(
        member("a.txt", b"Text.") + extension(kind, content) + member("b.txt", b"More.") + END
    )
    found, left_out = read(tmp_path)
    assert found == {"a.txt": "Text."}
    assert left_out.named == [f"a.tar: {DAMAGED} (an extension header of {len(content):,} bytes)"]


@pytest.mark.parametrize(
    "content",
    [
        b"1" * 60_000,  # tarfile would look for the end of the number from each digit: 20 s
        b"60000 comment=" + b"1" * 59_985 + b"\n",
        b"2 " * 30_000 + b"=",
        b"9 a=bcde",
        b"0 a=b\n",
        b"7 abcd\n",
    ],
    ids=lambda content: content[:12].decode(),
)
def test_pax_header_that_is_no_list_of_records_is_not_parsed(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.tar").write_bytes(
        member("a.txt", b"Text.")
        + extension(tarfile.XHDTYPE, content)
        + member("b.txt", b"More.")
        + END
    )
    found, left_out = read(tmp_path)
    assert found == {"a.txt": "Text."}
    assert left_out.counts == {DAMAGED: 1} and "a pax header" in left_out.named[0]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_foreign_names_are_read_in_both_forms(tmp_path: Path, form: int) -> None:
    names = ["请假/" * 40 + f"{n}{'1' * 200}.txt" for n in range(3)]
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as archive:
        for name in names:
            header = tarfile.TarInfo(name)
            header.size, header.mtime = 5, 1.5
            header.pax_headers = {"SCHILY.xattr.user.note": "x" * 5_000 + "\n= 12 a=b\n"}
            archive.addfile(header, io.BytesIO(b"Text."))
    found, left_out = read(tmp_path)
    assert found == dict.fromkeys(names, "Text.") and not left_out.counts
