"""The corpus as a picture: what is in it, what was removed by reason and source, how long it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tasks.corpus_page.page import CorpusPage
from tasks.corpus_page.words import length_name

MOST_BARS = 12
MOST_SOURCES = 8
LEAST_PLACES = 4  # so that a single bar is not a wall


def draw_chart(page: CorpusPage, path: Path) -> None:
    """Write the chart of a page to a PNG file."""
    with rc_context({"text.parse_math": False}):  # names may hold a $, and are no formulas
        _draw(page, path)


def _draw(page: CorpusPage, path: Path) -> None:
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    amounts, removed, lengths = figure.subplots(1, 3, width_ratios=(2, 3, 3))

    sources = list(page.sources)[:MOST_BARS]
    bars = amounts.barh(sources, [page.sources[name].bytes / 1e6 for name in sources])
    amounts.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
    amounts.set_title("Kept, MB by source", fontsize=10)
    amounts.margins(x=0.2)
    amounts.set_ylim(max(len(sources), LEAST_PLACES) - 0.5, -0.5)

    shown = page.removed[:MOST_BARS]
    reasons = [f"{one.reason} ({one.documents:,})" for one in shown]
    _stacked(removed, reasons, [one.by_source for one in shown])
    removed.set_title("Removed documents by reason and source", fontsize=10)

    places = range(len(page.lengths.kept))
    lengths.bar(places, page.lengths.kept, 0.9, label="kept")
    lengths.bar(places, page.lengths.rejected, 0.9, bottom=page.lengths.kept, label="removed")
    lengths.set_xticks(
        places, [length_name(page.lengths, place) for place in places], rotation=60, fontsize=8
    )
    lengths.set_title("Documents by length in characters", fontsize=10)
    lengths.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=110)


def _stacked(axes: Axes, labels: Sequence[str], rows: Sequence[Mapping[str, int]]) -> None:
    """A bar a reason, with a piece a source; the sources past the largest are one."""
    totals: dict[str, int] = {}
    for row in rows:
        for source, count in row.items():
            totals[source] = totals.get(source, 0) + count
    largest = sorted(totals, key=lambda source: (-totals[source], source))[:MOST_SOURCES]
    others = "others" if len(totals) > len(largest) else None
    left = [0] * len(rows)
    for source in [*largest, *([others] if others else [])]:
        counts = [
            sum(n for name, n in row.items() if name not in largest)
            if source is others
            else row.get(source, 0)
            for row in rows
        ]
        axes.barh(labels, counts, left=left, label=source)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    if labels:
        axes.set_ylim(max(len(labels), LEAST_PLACES) - 0.5, -0.5)
        axes.legend(loc="lower right", fontsize=8, frameon=False)
    else:
        axes.text(0.5, 0.5, "nothing", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
