"""What decides the result of a stage, so that work in progress is gone on with or begun afresh.

A folder of work in progress is named by a hash of the stage's parameters and of its inputs' bytes,
and holds both in ``decides.json``, so that a later run can say what has changed since.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tasks.params import leaves

NAME = "decides.json"
MOST_NAMED = 4

Decides = dict[str, dict[str, Any]]
"""``params``: dotted key to value; ``inputs``: path to the hash of its bytes."""


def what_decides(params: Mapping[str, Any], inputs: Iterable[Path]) -> Decides:
    """Parameters and input files (folders: all files in them)."""
    hashes = {}
    for path in inputs:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                with open(file, "rb") as content:
                    hashes[file.as_posix()] = hashlib.file_digest(content, "blake2b").hexdigest()
    return {"params": dict(leaves(params)), "inputs": hashes}


def fingerprint(decides: Decides) -> str:
    """A name for just these parameters and inputs."""
    return hashlib.blake2b(json.dumps(decides, sort_keys=True).encode(), digest_size=8).hexdigest()


def changes_since_the_last(folder: Path, decides: Decides) -> str | None:
    """What differs from the newest work in progress beside a folder, in a few words.

    Returns:
        As ``pretrain.seed: 1 → 2``; None where there is none, or it does not say what it was.
    """
    kept = sorted(folder.parent.glob(f"*/{NAME}"), key=lambda path: path.stat().st_mtime)
    if not kept:
        return None
    before: Decides = json.loads(kept[-1].read_text(encoding="utf-8"))
    changes = [
        f"{key}: {before['params'].get(key)} → {decides['params'].get(key)}"
        for key in sorted({*before["params"], *decides["params"]})
        if before["params"].get(key) != decides["params"].get(key)
    ] + [
        f"{path} is another"
        for path in sorted({*before["inputs"], *decides["inputs"]})
        if before["inputs"].get(path) != decides["inputs"].get(path)
    ]
    more = len(changes) - MOST_NAMED
    return ", ".join(changes[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
