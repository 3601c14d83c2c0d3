"""The evaluation as a table, from the stage's report: ``python -m tasks.evaluate.table``."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from chatwright.errors import BadInput, ChatwrightError, MissingInput

REPORT = Path("reports/evaluate.json")

MODELS = {
    "unigram": "unigram (floor)",
    "xz": "xz -9e (floor)",
    "base": "base model",
    "chat": "chat model",
    "compressed": "compressed",
}
SETS = {"written": "written by hand", "generated": "generated"}


def evaluation_table(report: Mapping[str, Any]) -> Table:
    """All scores of a report, models above, questions below.

    The shares of a whole set are of its answerable questions.

    Args:
        report: what stands in ``reports/evaluate.json``. What it does not hold is shown as "-".
    """
    table = Table(title="Evaluation", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.padding = (0, 1, 0, 0)  # so that it fits a terminal of 80 columns
    table.add_column("")
    for heading in ("bits/byte", "perplexity", "asked", "first", "in five", "F1", "declined"):
        table.add_column(heading, justify="right")
    for name, label in MODELS.items():
        score = report.get("language_model", {}).get(name)
        if score:
            table.add_row(
                label, _number(score["bits_per_byte"], 3), _number(score.get("perplexity"), 1)
            )
    for name, label in SETS.items():
        asked = report.get("questions", {}).get(name)
        if asked:
            table.add_section()
            table.add_row(label, *_shares(asked["all"]))
            for group, scores in asked["groups"].items():
                table.add_row(f"  {group}", *_shares(scores))
    return table


def _shares(scores: Mapping[str, Any]) -> list[str]:
    """A row of question scores; declining is right for the unanswerable and wrong for the rest."""
    declined = scores.get("wrongly_declined", scores.get("rightly_declined"))
    shares = (*(scores.get(key) for key in ("right_first", "right_in_five", "token_f1")), declined)
    return ["", "", str(scores["questions"]), *map(_percent, shares)]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def read_report(path: Path = REPORT) -> dict[str, Any]:
    """The report of the last evaluation.

    Raises:
        MissingInput: there is none yet.
        BadInput: the file is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(
            str(path), "nothing has been evaluated yet", "Run: chatwright run"
        ) from None
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON ({error})", "Run: chatwright run") from None


def main() -> None:
    """Print the last evaluation."""
    try:
        Console().print(evaluation_table(read_report()))
    except ChatwrightError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
