"""The command line, run as a user runs it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def chatwright(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `chatwright` with these arguments in a folder, whatever its exit status."""
    return subprocess.run(
        [sys.executable, "-m", "chatwright.cli", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
