"""A stage that a signal has ended could say nothing itself; the run says it in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.stages import failed

KILLS_ITSELF = "import os\nprint('step 3')\nos.kill(os.getpid(), {number})\n"
MEMORY = "perhaps because memory ran short. Run again to go on"


@pytest.mark.parametrize(
    ("stage", "number", "command", "sentence"),
    [
        ("pretrain", 9, "python work.py", f"pretrain was ended by SIGKILL, {MEMORY}, with a smaller pretrain.batch_size if it was memory."),
        ("pretrain", 9, "python work.py || exit $?", f"pretrain was ended by SIGKILL, {MEMORY}, with a smaller pretrain.batch_size if it was memory."),
        ("pack", 9, "python work.py", f"pack was ended by SIGKILL, {MEMORY}."),
        ("pack", 11, "python work.py", "pack was ended by SIGSEGV. Run again to go on."),
        ("pack", 0, "exit 1", "failed to reproduce 'pack': failed to run: exit 1, exited with 1."),
        ("pack", 0, "exit 255", "failed to reproduce 'pack': failed to run: exit 255, exited with 255."),
    ],
)  # fmt: skip
def test_the_signal_is_named(
    stage: str,
    number: int,
    command: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    Path("work.py").write_text(KILLS_ITSELF.format(number=number), "utf-8")
    Path("dvc.yaml").write_text(f"stages:\n  {stage}:\n    cmd: {command}\n", "utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], check=True)
    done = subprocess.run(
        [*dvc, "repro", "--single-item", stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    failure = failed(stage, done.returncode, done.stdout.splitlines())
    assert str(failure) == sentence and not failure.may_pass


def test_a_killed_dvc_is_told_like_a_killed_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failure = failed("pack", -9, ["Running stage 'pack':", "> python -m tasks.pack"])
    assert str(failure) == f"pack was ended by SIGKILL, {MEMORY}."
