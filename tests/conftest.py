"""What tests share: a project of its own in a temporary folder, and the real data's place."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatwright.environment import set_quiet_defaults

ROOT = Path(__file__).resolve().parent.parent
CODE = ["chatwright", "flows", "tasks", "model", "serving", "presets", "corpus", "tests/data"]
FILES = ["params.yaml", "dvc.yaml", "prefect.yaml", "pyproject.toml", ".gitignore", ".dvcignore"]

set_quiet_defaults()
os.environ["HF_HUB_OFFLINE"] = "1"
# What is expected here is a processor's, on machines with a GPU too. For those there is
# CUDA_VISIBLE_DEVICES=0 python -m pytest tests/model/test_cuda.py
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Tests run side by side: two threads each on two cores wait for one another.
os.environ["OMP_NUM_THREADS"] = "1"
# In the background of a shell, SIGINT is ignored, here and in all that is started from here.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in its own hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one file, and those that look at the built project, in one process."""
    for item in items:
        built = "built_project" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("built project" if built else item.path.stem))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is not."""
    named = os.environ.get("CHATWRIGHT_TEST_DATA")
    if not named:
        pytest.skip("CHATWRIGHT_TEST_DATA names no folder of real data")
    return Path(named)


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], None]]:
    """Mounts a disk of a size ("64k") on an existing folder; gone when the test is over."""
    mounted = []

    def mount(folder: Path, size: str) -> None:
        if os.geteuid() != 0:
            pytest.skip("mounting a small disk needs root")
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
        ).returncode:
            pytest.skip("this machine does not let us mount a small disk")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        # Lazily: a process that sends to MLflow may still be at work there.
        subprocess.run(["umount", "--lazy", folder], check=True)


class Project:
    """A Chatwright project in a folder of its own: a git and DVC repository."""

    def __init__(self, root: Path, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.said = root.with_name(f"{root.name}.log")
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PREFECT_HOME": str(home / "prefect"),
            # The lock of the accelerator is there: a build of the user's must not hold up the tests.
            "TMPDIR": str(home),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
            "PYTHONPATH": str(root),
            "PWD": str(root),  # prefect.yaml takes the folder from it, as a shell sets it
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@example.com",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@example.com",
        }
        for name in ("PREFECT_API_URL", "CHATWRIGHT_PROGRESS"):
            self.environment.pop(name, None)
        for name in CODE:
            shutil.copytree(
                ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.md")
            )
        (root / ".dvc").mkdir()
        for name in [*FILES, ".dvc/config", ".dvc/.gitignore"]:
            shutil.copy(ROOT / name, root / name)
        self.do("git", "init", "-q")
        self.do("git", "add", "-A")
        self.do("git", "commit", "-q", "-m", "start")

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a command in the project, in a process group of its own.

        What it prints goes to ``said``: a pipe that nobody reads would stop it when it is full.
        """
        with open(self.said, "ab") as said:
            return subprocess.Popen(
                self.spelled_out(command),
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *command: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, whatever its exit status."""
        return subprocess.run(
            self.spelled_out(command),
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def do(self, *command: str, timeout: float = 280) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.run(*command, timeout=timeout)
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    @staticmethod
    def spelled_out(command: tuple[str, ...]) -> list[str]:
        modules = {"chatwright": "chatwright.cli", "dvc": "dvc", "prefect": "prefect"}
        if command[0] in modules:
            return [sys.executable, "-m", modules[command[0]], *command[1:]]
        if command[0] == "stage":
            return [sys.executable, "-m", f"tasks.{command[1]}", *command[2:]]
        return list(command)


@pytest.fixture
def new_project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Makes projects; they share a home, so that Prefect's database is made once."""
    home = tmp_path_factory.getbasetemp() / "home"
    return lambda name="project": Project(made(tmp_path / name), home)


@pytest.fixture(scope="session")
def built_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that `chatwright run --preset quick` has built, for slow tests to look at."""
    home = tmp_path_factory.getbasetemp() / "home"
    project = Project(made(tmp_path_factory.mktemp("built") / "project"), home)
    project.first_output = project.do("chatwright", "run", "--preset", "quick", timeout=600)  # type: ignore[attr-defined]
    return project


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
