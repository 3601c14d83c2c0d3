"""Compressed files and archives in the user's folder: what comes out, and what is refused."""

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
import threading
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatwright.errors import BadInput
from tasks.documents import Dialogue, Document
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import FolderParams

DAMAGED = "cut off or damaged: at most what comes before could be read"
LINES = "".join(json.dumps({"text": f"Text number {n}, {n**7}."}) + "\n" for n in range(30_000))


def read(root: Path, **params: float) -> tuple[dict[str, Document | Dialogue], LeftOut]:
    left_out = LeftOut()
    found = list(folder(FolderParams(path=str(root), **params), left_out))  # type: ignore[arg-type]
    assert len({each.id for each in found}) == len(found)
    return {each.id.removeprefix("folder/"): each for each in found}, left_out


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(data)
    return sink.getvalue().to_pybytes()


COMPRESSORS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd}


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_compressed_file_is_read_as_what_it_is(tmp_path: Path, ending: str) -> None:
    compress = COMPRESSORS[ending]
    (tmp_path / f"leave.md.{ending}").write_bytes(compress("# Leave\n\n请假三天。".encode()))
    (tmp_path / f"faq.jsonl.{ending}").write_bytes(compress(LINES.encode()))
    found, left_out = read(tmp_path)
    assert found[f"leave.md.{ending}"].title == "Leave"
    assert len(found) == 30_001 and not left_out.counts
    last = found[f"faq.jsonl.{ending}#30000"]
    assert (last.title, last.text) == ("faq 30000", f"Text number 29999, {29999**7}.")


@pytest.mark.parametrize(
    "name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"]
)
def test_tar_in_any_compression(tmp_path: Path, name: str) -> None:
    table = io.BytesIO()
    pq.write_table(pa.table({"text": ["In a table."]}), table)
    members = {
        "./deep/leave.txt": b"Ask three days before.",
        "rows.parquet": table.getvalue(),
        "inner/more.zip": zipped({"pay.txt.gz": gzip.compress(b"On the 25th.")}),
    }
    compress = COMPRESSORS.get(name.rsplit(".", 1)[-1].replace("tgz", "gz"), bytes)
    (tmp_path / name).write_bytes(compress(tar(members)))
    found, left_out = read(tmp_path)
    assert {key: each.text for key, each in found.items()} == {
        f"{name}!./deep/leave.txt": "Ask three days before.",
        f"{name}!rows.parquet#1": "In a table.",
        f"{name}!inner/more.zip!pay.txt.gz": "On the 25th.",
    }
    assert not left_out.counts


def test_two_compressed_files_one_after_the_other_are_one(tmp_path: Path) -> None:
    for ending, compress in COMPRESSORS.items():
        (tmp_path / f"a.txt.{ending}").write_bytes(compress(b"first ") + compress(b"second"))
    found, left_out = read(tmp_path)
    assert {each.text for each in found.values()} == {"first second"} and len(found) == 4
    assert not left_out.counts


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_what_comes_before_the_cut_is_read_and_the_cut_is_named(
    tmp_path: Path, ending: str
) -> None:
    data = COMPRESSORS[ending](LINES.encode())
    (tmp_path / f"faq.jsonl.{ending}").write_bytes(data[: len(data) * 3 // 4])
    found, left_out = read(tmp_path)
    # bzip2 works in blocks of 900,000 bytes: of its two, one is whole.
    assert len(found) > 10_000
    assert found["faq.jsonl." + ending + "#1"].text == "Text number 0, 0."
    assert left_out.counts[DAMAGED] == 1
    assert any(each.startswith(f"faq.jsonl.{ending}: {DAMAGED}") for each in left_out.named)


def test_damage_in_the_middle_of_a_gzip_is_named(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(LINES.encode()))
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    (tmp_path / "faq.jsonl.gz").write_bytes(data)
    found, left_out = read(tmp_path, max_broken_share=1)
    assert len(found) > 5_000 and left_out.counts[DAMAGED] == 1


def test_zip_that_is_cut_off_or_none_is_named(tmp_path: Path) -> None:
    data = zipped({"a.txt": b"Text.", "b.txt": b"More."})
    (tmp_path / "cut.zip").write_bytes(data[:-10])
    (tmp_path / "none.zip").write_bytes(b"just words")
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "good.txt").write_text("Text.")
    found, left_out = read(tmp_path)
    assert list(found) == ["good.txt"]
    assert left_out.counts == {"is no zip, cut off or damaged": 3}


def test_damaged_member_of_a_zip_does_not_hide_the_others(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.jsonl": LINES.encode(), "b.txt": b"More."}))
    data[40_000:40_050] = bytes(50)
    (tmp_path / "a.zip").write_bytes(data)
    found, left_out = read(tmp_path)
    assert found["a.zip!b.txt"].text == "More." and "a.zip!a.jsonl#1" in found
    assert left_out.counts[DAMAGED] == 1
    assert any(each.startswith("a.zip!a.jsonl: cut off") for each in left_out.named)


@pytest.mark.parametrize("cut", [700, 1536, 2048])
def test_tar_cut_anywhere_gives_what_comes_before_and_is_named(tmp_path: Path, cut: int) -> None:
    # Each member: a header of 512 bytes, then its content, filled up to 512 bytes.
    data = tar({"a.txt": b"Text.", "b.txt": b"More. " * 100, "c.txt": b"Rest."})
    (tmp_path / "a.tar").write_bytes(data[: 512 + cut])
    found, left_out = read(tmp_path)
    assert found["a.tar!a.txt"].text == "Text." and "a.tar!c.txt" not in found
    assert left_out.counts == {DAMAGED: 1}
    assert left_out.named[-1].startswith("a.tar: ")


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_of_the_member_that_the_cut_is_in_what_comes_before_is_read(
    tmp_path: Path, name: str
) -> None:
    line = b'{"text": "%0150d"}\n'
    data = tar({"a.jsonl": b"".join(line % number for number in range(1_000))})
    # Of some 160,000 bytes 100,000, so 615 lines; of these less than 8,192 bytes may be lost.
    (tmp_path / name).write_bytes(
        data[:100_000] if name == "a.tar" else gzip.compress(data, 0)[:100_000]
    )
    found, left_out = read(tmp_path)
    assert 560 < len(found) <= 615 and left_out.counts[DAMAGED] == 1


@pytest.mark.parametrize("ending", ["gz", "xz", "zst"])
@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "zip", "tar"])
def test_a_compressed_archive_that_is_cut_counts_once(
    tmp_path: Path, ending: str, kind: str
) -> None:
    noise = random.Random(1)  # so that half of the archive holds half of what is in it
    lines = b"".join(b'{"text": "%x"}\n' % noise.getrandbits(4000) for _ in range(400))
    packed = {
        "jsonl": lines,
        "jsonl.gz": gzip.compress(lines),
        "zip": zipped({"x.jsonl": lines}),
        "tar": tar({"x.jsonl": lines}),
    }[kind]
    data = COMPRESSORS[ending](tar({"a.txt": b"Text.", f"b.{kind}": packed, "c.txt": b"Rest."}))
    (tmp_path / f"a.tar.{ending}").write_bytes(data[: len(data) // 2])
    found, left_out = read(tmp_path)
    assert f"a.tar.{ending}!a.txt" in found and f"a.tar.{ending}!c.txt" not in found
    # Besides, a line may be cut, and is no JSON then.
    assert [each.split(": ")[0] for each in left_out.named if DAMAGED in each] == [
        f"a.tar.{ending}"
    ]
    assert left_out.counts[DAMAGED] == 1


def test_an_archive_in_zstd_that_gives_no_file_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a.tar.zst").write_bytes(zstd(tar({".hidden": b"Text."})))
    found, left_out = read(tmp_path)
    assert not found and not left_out.counts


def test_damaged_header_of_a_tar_is_not_taken_for_its_end(tmp_path: Path) -> None:
    data = bytearray(tar({"a.txt": b"Text.", "b.txt": b"More.", "c.txt": b"Rest."}))
    data[1024:1100] = b"\xff" * 76
    (tmp_path / "a.tar").write_bytes(data)
    found, left_out = read(tmp_path)
    assert list(found) == ["a.tar!a.txt"] and left_out.counts == {DAMAGED: 1}


@pytest.mark.parametrize("make", [tar, zipped])
def test_names_that_lead_out_of_the_archive_are_refused(tmp_path: Path, make: object) -> None:
    members = ("../../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "C:/evil.txt")
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "a").write_bytes(make({**dict.fromkeys(members, b"Evil."), "good.txt": b"Good."}))  # type: ignore[operator]
    (root / "a").rename(root / f"a.{'tar' if make is tar else 'zip'}")
    found, left_out = read(root)
    assert [each.text for each in found.values()] == ["Good."]
    assert left_out.counts == {"name that leads out of its archive": 5}
    assert not list(tmp_path.rglob("evil*"))


def test_links_in_archives_hidden_members_and_doubled_names(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "link.txt"), (tarfile.LNKTYPE, "hard.txt")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in (".hidden/a.txt", "__MACOSX/._a.txt", "a.txt", "a.txt"):
            info = tarfile.TarInfo(name)
            info.size = 5
            archive.addfile(info, io.BytesIO(b"Text."))
    found, left_out = read(tmp_path)
    assert list(found) == ["a.tar!a.txt"]
    assert left_out.counts == {
        "link or device in an archive": 2,
        "same name twice in an archive": 1,
    }


@pytest.mark.parametrize("ending", ["zip", "gz", "bz2", "xz", "zst"])
def test_thousandfold_expansion_is_stopped_and_named(tmp_path: Path, ending: str) -> None:
    bomb = b'{"text": "aaaaaaaaaaaaaaaaaaaaaaaa"}\n' * 800_000  # 29 MB
    name = "a.zip" if ending == "zip" else f"bomb.txt.{ending}"
    packed = zipped({"bomb.txt": bomb}) if ending == "zip" else COMPRESSORS[ending](bomb)
    (tmp_path / name).write_bytes(packed)
    (tmp_path / "good.txt").write_text("Text.")
    found, left_out = read(tmp_path, max_expansion=20)
    assert list(found) == ["good.txt"]
    reason = "expands more than 20-fold (ingest.folder.max_expansion)"
    assert left_out.counts == {reason: 1} and left_out.named == [f"{name}: {reason}"]


def test_archive_of_many_bombs_counts_as_one(tmp_path: Path) -> None:
    bomb = gzip.compress(b"a" * 4_000_000)  # under the 10 MB that any archive may have: 4 of them
    (tmp_path / "a.zip").write_bytes(zipped({f"{n}.txt.gz": bomb for n in range(4)}))
    found, left_out = read(tmp_path)
    assert list(found) == ["a.zip!0.txt.gz", "a.zip!1.txt.gz"]
    assert left_out.counts == {"expands more than 200-fold (ingest.folder.max_expansion)": 1}


def test_small_archive_of_a_repeated_line_is_no_bomb(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"the same line\n" * 100_000))
    found, left_out = read(tmp_path)
    assert len(found["a.txt.gz"].text) == 1_400_000 and not left_out.counts


def test_archives_inside_one_another_end_somewhere(tmp_path: Path) -> None:
    data = b"Text."
    for _ in range(6):
        data = zipped({"a.zip" if data != b"Text." else "a.txt": data})
    (tmp_path / "a.zip").write_bytes(data)
    found, left_out = read(tmp_path)
    assert not found and left_out.counts == {"more than 4 archives inside one another": 1}


def test_encrypted_and_unknown_members_of_a_zip(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": b"Text."}))
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1  # the flag in the directory
    (tmp_path / "secret.zip").write_bytes(data)
    data = bytearray(zipped({"a.txt": b"Text."}))
    data[data.index(b"PK\x01\x02") + 10] = 9  # Deflate64
    (tmp_path / "odd.zip").write_bytes(data)
    found, left_out = read(tmp_path)
    assert not found and left_out.counts == {"is encrypted": 1, DAMAGED: 1}


def test_chinese_names_of_an_old_windows_zip(tmp_path: Path) -> None:
    data = zipped({"1234567890.txt": b"Text."})
    # The names as GBK bytes without the flag of UTF-8; of the same length, so that offsets hold.
    raw = "请假的规定".encode("gbk")
    (tmp_path / "a.zip").write_bytes(data.replace(b"1234567890", raw))
    found, _ = read(tmp_path)
    assert list(found) == ["a.zip!请假的规定.txt"]


def test_corrupt_parquet_in_an_archive_is_named_by_both(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"bad.parquet": b"PAR1 no"}))
    with pytest.raises(BadInput, match=r"a\.zip!bad\.parquet: is a broken Parquet file"):
        read(tmp_path)


def test_links_in_the_folder_that_lead_in_a_circle_or_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "good.txt").write_text("Text.")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    (tmp_path / "nowhere.txt").symlink_to("none")
    found, left_out = read(tmp_path)
    assert list(found) == ["sub/good.txt"]
    assert left_out.counts == {"folder behind a link": 1, "cannot be opened": 3}
    assert "nowhere.txt: cannot be opened (No such file or directory)" in left_out.named


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    found: list[LeftOut] = []
    reading = threading.Thread(target=lambda: found.append(read(tmp_path)[1]), daemon=True)
    reading.start()
    reading.join(20)
    assert found and found[0].counts == {"is no regular file": 1}


def test_file_that_changes_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(LINES)
    left_out = LeftOut()
    documents = folder(FolderParams(path=str(tmp_path)), left_out)
    assert next(documents).id == "folder/log.jsonl#1"
    with path.open("a") as more:
        more.write('{"text": "Added."}\n')
    assert list(documents) == []
    assert left_out.named == ["log.jsonl: changed while it was read"]


def test_file_name_in_another_encoding(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), "请假的规定.txt".encode("gbk")), "wb") as file:
        file.write(b"Text.")
    found, _ = read(tmp_path)
    (document,) = found.values()
    assert (document.id, document.row()["meta"]) == (
        "folder/请假的规定.txt",
        '{"encoding": "utf-8", "path": "请假的规定.txt"}',
    )


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("用户手册-".encode() + b"\xff", "用户手册-\\xff"),
        ("für ".encode() + b"\xe4" + b" alle", "für \\xe4 alle"),
        (b"report-\xff", "report-\\xff"),
        ("отчёт за май".encode() + b"\xe2", "отчёт за май\\xe2"),  # a letter's half
        ("отчёт за май".encode("cp1251"), "отчёт за май"),
        ("规定".encode("gbk"), "规定"),
        ("Größe".encode("latin-1"), "Größe"),
    ],
)
def test_of_a_name_that_is_nearly_utf_8_only_the_bytes_gone_wrong_are_escaped(
    tmp_path: Path, raw: bytes, name: str
) -> None:
    with open(os.path.join(os.fsencode(tmp_path), raw + b".txt"), "wb") as file:
        file.write(b"Text.")
    found, _ = read(tmp_path)
    assert list(found) == [f"{name}.txt"]


def test_real_archives(test_data: Path, tmp_path: Path) -> None:
    for name, as_name in {
        "wiki/zhwiki-20200220-articles-txt.tar.gz": "zhwiki.tar.gz",
        "zh/novels/三国演义.txt.gz": "三国演义.txt.gz",
        "messy/hi-2.gz": "hi-2.txt.gz",
        "messy/derived-truncated.jsonl.gz": "truncated.jsonl.gz",
        "messy/double-single-inflate-error.gz": "inflate-error.txt.gz",
    }.items():
        (tmp_path / as_name).symlink_to(test_data / name)
    found, left_out = read(tmp_path)
    assert sum(name.startswith("zhwiki") for name in found) == 68
    assert sum(found[name].lang == "zh" for name in found if name.startswith("zhwiki")) > 60
    assert len(found["三国演义.txt.gz"].text) > 500_000
    assert found["hi-2.txt.gz"].text.count("\n") >= 2
    assert left_out.counts[DAMAGED] == 2
