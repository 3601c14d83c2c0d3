"""A stage's outputs appear whole or not at all, and every failure is one clear sentence."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "out.txt").write_text("before")
    return tmp_path


def start_stage(folder: Path, body: str) -> subprocess.Popen[str]:
    """Run a stage named ``pack`` whose work is ``body``; it writes to ``out``."""
    script = (
        "import time\nfrom chatwright.errors import BadInput\nfrom tasks.stage import Stage\n"
        "with Stage('pack') as stage:\n    out = stage.output('data/out.txt')\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
    )
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def test_an_output_replaces_the_one_before(folder: Path) -> None:
    assert ended(start_stage(folder, "out.write_text('after')"))[0] == 0
    assert (folder / "data/out.txt").read_text() == "after"
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["out.txt"]


def test_a_users_mistake_is_one_sentence_and_exit_status_2(folder: Path) -> None:
    status, stderr = ended(
        start_stage(
            folder, "out.write_text('half')\nraise BadInput('corpus/a.txt', 'is empty', 'Fill it')"
        )
    )
    assert (status, stderr) == (2, "corpus/a.txt: is empty. Fill it.\n")
    assert (folder / "data/out.txt").read_text() == "before"
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["out.txt"]
    failure = json.loads((folder / ".chatwright/failed/pack.json").read_text())
    assert failure == {"message": stderr.strip(), "exit_code": 2, "may_pass": False}


def test_a_mistake_of_ours_shows_a_traceback_and_exit_status_1(folder: Path) -> None:
    status, stderr = ended(start_stage(folder, "1 / 0"))
    assert status == 1
    assert "Traceback" in stderr and "ZeroDivisionError" in stderr
    assert (folder / "data/out.txt").read_text() == "before"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_stage_leaves_what_stood_before(folder: Path, number: int) -> None:
    process = start_stage(
        folder, "out.write_text('half')\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    status, stderr = ended(process)
    assert status == 130
    assert stderr == "pack: interrupted. Run again to go on.\n"
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["out.txt"]
    assert (folder / "data/out.txt").read_text() == "before"


def test_a_killed_stage_leaves_what_stood_before_and_the_next_run_tidies_up(folder: Path) -> None:
    process = start_stage(
        folder, "out.write_text('half')\nprint('ready', flush=True)\ntime.sleep(60)"
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    assert (folder / "data/out.txt").read_text() == "before"
    assert ended(start_stage(folder, "out.write_text('after')"))[0] == 0
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["out.txt"]
    assert (folder / "data/out.txt").read_text() == "after"


def test_a_stage_ends_when_its_driver_is_killed(folder: Path) -> None:
    driver = subprocess.Popen(["sleep", "60"])
    os.environ["CHATWRIGHT_DRIVER_PID"] = str(driver.pid)
    try:
        process = start_stage(folder, "print('ready', flush=True)\ntime.sleep(60)")
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        driver.kill()
        driver.wait()
        assert ended(process)[0] == 130
    finally:
        del os.environ["CHATWRIGHT_DRIVER_PID"]


def test_other_inputs_are_another_work_and_it_is_said_which(folder: Path) -> None:
    leave = "stage.work(out.parent / 'in.txt', params={'a': 1})\nraise BadInput('', 'stop')"
    (folder / "data/in.txt").write_text("one")
    ended(start_stage(folder, leave))
    (folder / "data/in.txt").write_text("two")
    said, _ = start_stage(folder, leave).communicate(timeout=60)
    assert "after the unfinished run: data/in.txt is another\n" in said
    said, _ = start_stage(folder, leave).communicate(timeout=60)
    assert "continuing what an earlier run of the same work left" in said


def test_work_in_progress_is_found_again_by_the_same_work_only(folder: Path) -> None:
    leave = """
        folder = stage.work(out.parent / 'out.txt', params={'a': %d})
        (folder / 'state').write_text('x')
        raise BadInput('', 'stop')
    """
    find = """
        found = (stage.work(out.parent / 'out.txt', params={'a': %d}) / 'state').exists()
        out.write_text(str(found))
    """
    ended(start_stage(folder, leave % 1))
    second = start_stage(folder, leave % 2)
    said, _ = second.communicate(timeout=60)
    assert "starting afresh, since this changed after the unfinished run: a: 1 → 2\n" in said
    kept = sorted((folder / ".chatwright/pack").rglob("state"))
    assert len(kept) == 2, "each set of parameters has a folder of its own"
    assert ended(start_stage(folder, find % 1))[0] == 0
    assert (folder / "data/out.txt").read_text() == "True"
    assert not (folder / ".chatwright/pack").exists(), "removed once the stage has succeeded"


def test_a_full_disk_is_said_and_what_stood_before_still_stands(
    folder: Path, small_disk: Callable[[Path, str], None]
) -> None:
    data = folder / "data"
    small_disk(data, "64k")
    (data / "out.txt").write_text("before")
    status, stderr = ended(start_stage(folder, "out.write_bytes(b'x' * 1_000_000)"))
    assert status == 2
    assert "the disk is full" in stderr and len(stderr.splitlines()) == 1
    assert (data / "out.txt").read_text() == "before"
    assert [p.name for p in data.iterdir()] == ["out.txt"]


def test_a_full_disk_where_the_run_is_noted_is_said_as_well(
    folder: Path, small_disk: Callable[[Path, str], None]
) -> None:
    (folder / ".chatwright").mkdir()
    small_disk(folder / ".chatwright", "256k")
    body = """
        for step in range(100_000):
            stage.metrics({"train_loss": 1.0}, step)
        out.write_text("after")
    """
    status, stderr = ended(start_stage(folder, body))
    assert status == 2
    assert "the disk is full" in stderr and len(stderr.splitlines()) == 1
    assert (folder / "data/out.txt").read_text() == "before"


def test_two_processes_do_not_build_one_stage_at_once(folder: Path) -> None:
    first = start_stage(folder, "print('ready', flush=True)\ntime.sleep(60)")
    assert first.stdout is not None and first.stdout.readline() == "ready\n"
    try:
        os.environ["CHATWRIGHT_LOCK_WAIT_SECONDS"] = "0.5"
        started = time.monotonic()
        status, stderr = ended(start_stage(folder, "out.write_text('second')"))
    finally:
        del os.environ["CHATWRIGHT_LOCK_WAIT_SECONDS"]
        first.terminate()
        ended(first)
    assert status == 2 and "another process builds this stage" in stderr
    assert time.monotonic() - started < 30


def asked(folder: Path, stage: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m tasks.<stage> <arguments>`` does in a folder."""
    return subprocess.run(
        [sys.executable, "-m", f"tasks.{stage}", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def assert_explains_itself(folder: Path, stage: str) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    done = asked(folder, stage, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    first, _, rest = done.stdout.partition("\n\n")
    assert first == f"python -m tasks.{stage}"
    assert "stage" in rest.lower().splitlines()[0], "what it is"
    assert f"Its parameters are in params.yaml (the section {stage})" in rest
    assert sorted(path.name for path in folder.rglob("*")) == before, "and it did nothing"


def test_a_stage_that_is_asked_for_help_says_what_it_is_and_does_nothing(folder: Path) -> None:
    assert_explains_itself(folder, "ingest")


@pytest.mark.slow
@pytest.mark.parametrize("stage", yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"])
def test_every_stage_that_is_asked_for_help_says_what_it_is(folder: Path, stage: str) -> None:
    assert_explains_itself(folder, stage)


def test_a_stage_takes_no_arguments(folder: Path) -> None:
    done = asked(folder, "ingest", "--sources", "folder")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "python -m tasks.ingest --sources folder: a stage takes no arguments."
        " Its parameters are in params.yaml.\n"
    )
    assert not (folder / ".chatwright").exists(), "and it did nothing"
