"""A disk that is full while DVC keeps what a stage has made is told of in one sentence."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect import State, flow
from prefect.testing.utilities import prefect_test_harness

from flows.full_disk import full_disk_sentence
from flows.stages import StageFailed, run_stage

MAKES_TWO = "import os\nos.makedirs('out')\nfor n in 'ab': open(f'out/{n}', 'wb').write(os.urandom(99_000))\n"  # fmt: skip
DVC = [sys.executable, "-m", "dvc"]


@flow(retries=0)
def packed() -> str | None:
    """Bring it up to date; the name of the state that it ends in."""
    state: State[Any] = run_stage.with_options(name="pack")("pack", return_state=True)
    state.result()
    return state.name


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_full_cache_fails_the_stage_and_its_remedy_keeps_what_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_disk: Callable[[Path, str], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("work.py").write_text(MAKES_TWO, "utf-8")
    Path("dvc.yaml").write_text(
        "stages:\n  pack: {cmd: python work.py, outs: [out: {persist: true}]}\n", "utf-8"
    )
    subprocess.run([*DVC, "init", "--no-scm", "-q"], check=True)
    cache = tmp_path / ".dvc/cache"
    cache.mkdir()
    small_disk(cache, "128k")
    with prefect_test_harness(server_startup_timeout=120):
        with pytest.raises(StageFailed) as failure:
            packed()
        assert str(failure.value) == (
            f"{cache}: the disk is full, so that DVC's cache lacks what pack has made. "
            "Free some space, run dvc commit pack, or it is made anew, and run again."
        )
        assert failure.value.exit_code == 2 and not failure.value.may_pass
        subprocess.run(["mount", "-o", "remount,size=1m", cache], check=True)
        subprocess.run([*DVC, "commit", "pack"], check=True)
        assert packed() == "Cached", "it was made already"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ERROR: unexpected error - [Errno 28] No space left on device: '/p/.dvc/tmp/rwlock'", "/p/.dvc/tmp/rwlock: the disk is full, as DVC worked on pack. Free some space and run again"),
        ("ERROR: unexpected error - [Errno 122] Disk quota exceeded", ".dvc: the disk is full, as DVC worked on pack. Free some space and run again"),
        ("ERROR: failed to reproduce 'pack': failed to run: exit 1, exited with 1", None),
        ("pack: 28 documents", None),
    ],
)  # fmt: skip
def test_a_full_disk_is_known_by_its_number(line: str, sentence: str | None) -> None:
    assert full_disk_sentence("pack", line) == sentence
