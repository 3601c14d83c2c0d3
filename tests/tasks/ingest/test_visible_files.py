"""Which files of the user's folder are read, by all sources alike, and what is said of the rest."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatwright.errors import BadInput, MissingInput
from tasks.ingest.chat import chat
from tasks.ingest.folder import folder
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles
from tasks.params_ingest import FolderParams

TALK = json.dumps([{"instruction": "Hi", "output": "Hello"}])


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TALK)


def named(root: Path, *patterns: str) -> NamedFiles:
    paths = [f"{root}/{each}" for each in patterns]
    return NamedFiles("chat", paths, FolderParams(path=str(root)))


def found(root: Path, *patterns: str, left_out: LeftOut | None = None) -> list[str]:
    """The files that the source ``chat`` reads."""
    dialogues = chat(named(root, *patterns), left_out or LeftOut())
    return [each.id.split("/", 1)[1].split("#")[0] for each in dialogues]


def of_folder(root: Path) -> list[object]:
    return list(folder(FolderParams(path=str(root)), LeftOut()))


def of_chat(root: Path) -> list[object]:
    return list(found(root, "*"))


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder for one who may not read everything, which this process is for the time."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        put(root / "open" / "x.json")
        put(root / "closed" / "y.json")
        (root / "closed").chmod(0)
        if user == 0:
            os.seteuid(65534)
        try:
            yield root
        finally:
            os.seteuid(user)
            (root / "closed").chmod(0o755)


@pytest.mark.parametrize("read", [of_folder, of_chat])
def test_folder_that_may_not_be_read_is_an_error_as_a_file_is(
    unprivileged: Path, read: Callable[[Path], list[object]]
) -> None:
    with pytest.raises(BadInput, match=r"closed: may not be read\. Give yourself the right to"):
        read(unprivileged)


def test_folder_that_may_not_be_read_and_is_not_asked_for_does_no_harm(unprivileged: Path) -> None:
    assert named(unprivileged, "open/*.json").found() == [unprivileged / "open" / "x.json"]


def test_link_that_leads_back_does_not_double_anything(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.json")
    (tmp_path / "a" / "loop").symlink_to(".")
    (tmp_path / "a" / "same.json").symlink_to("x.json")
    left_out = LeftOut()
    names = found(tmp_path, "**/*.json", "a/*", left_out=left_out)
    assert names == ["a/same.json", "a/x.json"]  # a link to a file is that file
    assert left_out.counts == {"folder behind a link": 1}


def test_what_no_pattern_can_mean_is_not_counted(tmp_path: Path) -> None:
    put(tmp_path / "a" / "x.json")
    put(tmp_path / "b" / "y.json")
    (tmp_path / "b" / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "b" / "pipe")
    left_out = LeftOut()
    assert found(tmp_path, "a", left_out=left_out) == ["a/x.json"] and not left_out.counts


@pytest.mark.parametrize("pattern", [".x.json", "*/.y.json", ".hidden/*.json", ".hidden", "link"])
def test_pattern_that_names_only_what_is_passed_over_is_an_error(
    tmp_path: Path, pattern: str
) -> None:
    for name in (".x.json", "a/.y.json", ".hidden/z.json", "a/seen.json"):
        put(tmp_path / name)
    (tmp_path / "link").symlink_to("a")
    with pytest.raises(MissingInput, match="hidden files and folders behind links are passed over"):
        found(tmp_path, pattern)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.json", ["x.json"]),
        ("?.json", ["x.json"]),
        ("[!y].json", ["x.json"]),
        ("*", ["a/b/z.json", "a/y.json", "x.json"]),
        ("*/", ["a/b/z.json", "a/y.json"]),
        ("", ["a/b/z.json", "a/y.json", "x.json"]),
        ("a", ["a/b/z.json", "a/y.json"]),
        ("a/*.json", ["a/y.json"]),
        ("*/*/*", ["a/b/z.json"]),
        ("**/*.json", ["a/b/z.json", "a/y.json", "x.json"]),
        ("a/**", ["a/b/z.json", "a/y.json"]),
        ("**/b/*.json", ["a/b/z.json"]),
        ("a/../x.json", ["x.json"]),
    ],
)
def test_patterns_are_those_of_a_shell(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in ("x.json", "a/y.json", "a/b/z.json"):
        put(tmp_path / name)
    assert found(tmp_path, pattern) == names
