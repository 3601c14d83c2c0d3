"""A git and DVC repository in a folder of its own."""

import subprocess
from pathlib import Path

from dvc.repo import Repo


def git(*arguments: str) -> str:
    """What git says to that in the current folder."""
    author = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", *author, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def begin_project(pipeline: str, remote: Path) -> None:
    """Make one of the current folder, with a remote and a first commit.

    Args:
        pipeline: dvc.yaml.
        remote: a folder.
    """
    git("init", "-q")
    with Repo.init(".") as repo, repo.config.edit() as config:
        config["remote"]["store"] = {"url": str(remote)}
        config["core"] = {"remote": "store", "analytics": False}
    Path("dvc.yaml").write_text(pipeline)
    Path(".gitignore").write_text("/data/\n")
    git("add", "-A")
    git("commit", "-q", "-m", "start")
