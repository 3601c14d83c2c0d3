"""Reading dvc.lock, which DVC writes in place while other stages run."""

import os
import threading
import time
from pathlib import Path

import pytest

from chatwright.errors import BadInput
from tasks import lineage

WHOLE = """\
schema: '2.0'
stages:
  pack:
    cmd: python -m tasks.pack
    outs:
    - path: data/tokens
      md5: 00ff.dir
  tokenizer:
    cmd: python -m tasks.tokenizer
    outs:
    - path: artifacts/tokenizer
      md5: 11ee.dir
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_none_before_the_first_build() -> None:
    assert lineage.locked_stages() == {}
    assert lineage.output_hash("data/tokens") is None


# Nothing yet; broken off within a stage; broken off between two, which is sound YAML.
@pytest.mark.parametrize("written", [0, 70, WHOLE.index("  tokenizer:")])
def test_a_file_that_is_being_written_is_waited_for(
    written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "SETTLED_SECONDS", 2.0)  # the machine may be slow
    with open("dvc.lock", "w", encoding="utf-8") as file:
        file.write(WHOLE[:written])
        file.flush()

        def write_the_rest() -> None:
            time.sleep(0.2)
            file.write(WHOLE[written:])
            file.flush()

        writer = threading.Thread(target=write_the_rest)
        writer.start()
        assert lineage.output_hash("artifacts/tokenizer") == "11ee.dir"
        assert lineage.locked_hashes("pack", "outs") == {"data/tokens": "00ff.dir"}
        writer.join()


def test_a_clock_that_is_ahead_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def second_look(seconds: float) -> None:
        raise AssertionError("it was waited for")

    monkeypatch.setattr(time, "sleep", second_look)
    Path("dvc.lock").write_text(WHOLE)
    os.utime("dvc.lock", (time.time() + 3600, time.time() + 3600))
    assert lineage.output_hash("data/tokens") == "00ff.dir"


def test_a_lock_without_stages_has_none() -> None:
    Path("dvc.lock").write_text("schema: '2.0'\nstages:\n")
    assert lineage.locked_stages() == {}


@pytest.mark.parametrize("content", [b"", b"stages: [", b"- a list\n", b"\xff\xfe\xff"])
def test_one_that_stays_broken_is_said(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineage, "SECONDS_TO_SETTLE", 0.2)
    Path("dvc.lock").write_bytes(content)
    with pytest.raises(BadInput, match=r"dvc.lock: it is damaged. Restore it"):
        lineage.locked_stages()
