"""What an output was made from: the git commit, and the hashes that DVC keeps in dvc.lock."""

import hashlib
import subprocess
import time
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from chatwright.errors import BadInput

LOCK = Path("dvc.lock")
SETTLED_SECONDS = 0.3
SECONDS_TO_SETTLE = 10.0


def locked_stages() -> dict[str, dict[str, Any]]:
    """The stages of dvc.lock, by name; empty before the first build.

    DVC writes the file in place when a stage is done, and another may read it just then: so it is
    read again until nobody has written to it for a moment and it is whole.

    Raises:
        BadInput: it stays broken.
    """
    deadline = time.monotonic() + SECONDS_TO_SETTLE
    while True:
        content, written = None, 0.0
        try:
            content = YAML(typ="safe").load(LOCK.read_text(encoding="utf-8"))
            written = LOCK.stat().st_mtime  # afterwards: it may have been written to meanwhile
        except FileNotFoundError:
            return {}
        except (YAMLError, UnicodeDecodeError):
            pass  # half of it
        late = time.monotonic() > deadline
        # The clock that dates the file may be another machine's, and ahead of this one's.
        is_settled = late or abs(time.time() - written) > SETTLED_SECONDS
        if isinstance(content, dict) and is_settled:
            return content.get("stages") or {}
        if late:
            raise BadInput(
                str(LOCK), "it is damaged", "Restore it (git checkout dvc.lock), or remove it"
            )
        time.sleep(0.05)


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
