"""The table of an evaluation, as it is printed."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from chatwright.errors import BadInput, MissingInput
from tasks.evaluate.chart import draw_chart
from tasks.evaluate.table import evaluation_table, read_report

NAME = {
    "questions": 3,
    "right_first": 2 / 3,
    "right_in_five": 1.0,
    "token_f1": 0.5,
    "token_recall": 0.75,
    "wrongly_declined": 0.0,
}
REPORT = {
    "language_model": {
        "base": {"bits_per_byte": 1.6049, "perplexity": 31.25},
        "xz": {"bits_per_byte": 1.6363},
    },
    "held_out": {"documents": 2, "bytes": 100, "tokens": 40},
    "questions": {
        "written": {
            "all": {**NAME, "questions": 7, "rightly_declined": 0.25},
            "groups": {"name": NAME, "unanswerable": {"questions": 4, "rightly_declined": 0.25}},
            "left_out": 0,
        },
        "generated": {"all": {"questions": 0}, "groups": {}, "left_out": 0},
    },
    "samples": [],
}


def printed(report: dict[str, object]) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=80)
    console.print(evaluation_table(report))
    assert isinstance(console.file, io.StringIO)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_models_and_floors_stand_side_by_side() -> None:
    lines = printed(REPORT)
    assert ["base", "model", "1.605", "31.2"] in lines
    assert ["xz", "-9e", "(floor)", "1.636", "-"] in lines


def test_questions_stand_below_by_style() -> None:
    lines = printed(REPORT)
    assert "written by hand 7 67% 100% 50% 0%".split() in lines
    assert "name 3 67% 100% 50% 0%".split() in lines
    assert "unanswerable 4 - - - 25%".split() in lines


def test_what_was_not_measured_is_a_dash_and_not_a_zero() -> None:
    assert "generated 0 - - - -".split() in printed(REPORT)
    assert printed({})  # a report of nothing still prints


def test_the_chart_is_a_picture(tmp_path: Path) -> None:
    draw_chart(REPORT, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def test_the_last_report_is_read(tmp_path: Path) -> None:
    (tmp_path / "evaluate.json").write_text(json.dumps(REPORT))
    assert read_report(tmp_path / "evaluate.json") == REPORT


def test_a_report_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="nothing has been evaluated yet"):
        read_report(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text('{"language_model":')
    with pytest.raises(BadInput, match=r"broken\.json: is not JSON"):
        read_report(tmp_path / "broken.json")
