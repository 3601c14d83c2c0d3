"""The evaluation as a picture: bits per byte by model, and how questions were answered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.evaluate.table import MODELS, SETS

MEASURES = {"right_first": "right first", "right_in_five": "in first five", "token_f1": "token F1"}


def draw_chart(report: Mapping[str, Any], path: Path) -> None:
    """Write the chart of a report (as ``evaluation_table`` takes it) to a PNG file."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    models, questions = figure.subplots(1, 2, width_ratios=(2, 3))

    scores = {
        label: report["language_model"][name]["bits_per_byte"]
        for name, label in MODELS.items()
        if name in report["language_model"]
    }
    colours = ["#9aa5b1" if "floor" in label else "#2a6f97" for label in scores]
    bars = models.barh(list(scores), list(scores.values()), color=colours)
    models.bar_label(bars, fmt="%.2f", padding=3)
    models.margins(x=0.15)
    models.invert_yaxis()
    models.set_title("Bits per byte of held-out text (less is better)", fontsize=10)

    groups = [
        (f"{SETS[name]}\n{style}", asked["groups"][style])
        for name, asked in report["questions"].items()
        for style in ("name", "need", "situation")
        if style in asked["groups"]
    ]
    width = 0.8 / len(MEASURES)
    for number, (measure, label) in enumerate(MEASURES.items()):
        heights = [100 * (group.get(measure) or 0) for _, group in groups]
        places = [at + (number - 1) * width for at in range(len(groups))]
        questions.bar_label(
            questions.bar(places, heights, width, label=label), fmt="%.0f", fontsize=8
        )
    questions.set_xticks(range(len(groups)), [label for label, _ in groups], fontsize=9)
    questions.set_ylim(0, 112)
    questions.set_title("Questions answered, %", fontsize=10)
    questions.legend(fontsize=8, ncols=3, loc="upper center", frameon=False)
    figure.savefig(path, dpi=120)
