"""What an output was made from: the git commit, and the hashes that DVC keeps in dvc.lock."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

LOCK = Path("dvc.lock")


def locked_stages() -> dict[str, dict[str, Any]]:
    """The stages of dvc.lock, by name; empty before the first build."""
    if not LOCK.exists():
        return {}
    return YAML(typ="safe").load(LOCK.read_text(encoding="utf-8")).get("stages", {})


def locked_hashes(stage: str, side: Literal["deps", "outs"]) -> dict[str, str]:
    """The MD5 of each input or output of a stage, by path, as of its last complete run."""
    entries = locked_stages().get(stage, {}).get(side, [])
    return {entry["path"]: entry["md5"] for entry in entries if "md5" in entry}


def output_hash(path: str) -> str | None:
    """The MD5 of a file or folder that some stage has written; None if none has."""
    for stage in locked_stages().values():
        for entry in stage.get("outs", []):
            if entry["path"] == path:
                return entry.get("md5")
    return None


def file_hash(path: Path) -> str | None:
    """The MD5 of a file, as DVC computes it; None of what is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def git_commit() -> str | None:
    """The commit that is checked out; None outside a git repository."""
    answer = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else None
