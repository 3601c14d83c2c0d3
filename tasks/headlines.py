"""The main figures of each stage, in a few words, from its report.

One line a stage: for the summary in the terminal and for the flow's table.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPORTS = Path("reports")


def read_report(stage: str) -> dict[str, Any] | None:
    """A stage's report; None if the stage has not run yet."""
    path = REPORTS / f"{stage}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def headline(stage: str) -> str:
    """The main figures of a stage; empty if it has not run yet."""
    report = read_report(stage)
    return HEADLINES[stage](report) if report else ""


HEADLINES: dict[str, Callable[[dict[str, Any]], str]] = {}
