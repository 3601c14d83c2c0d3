"""The comparison as a table: for the terminal, and in Markdown for docs and MLflow."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tasks.compare.result import Result

HEADINGS = ("bits/byte", "masked right", "parameters", "tokens/s", "seconds")
COUNTS = "*: n-grams that were counted."
PSEUDO = (
    "In brackets: pseudo-bits, of masked tokens given all others, later ones too; "
    "not comparable with the rest."
)


def cells(result: Result) -> list[str]:
    """What a row says, after the label."""
    bits = "-"
    if result.bits_per_byte is not None:
        bits = f"{result.bits_per_byte:.3f}"
    elif result.pseudo_bits_per_byte is not None:
        bits = f"({result.pseudo_bits_per_byte:.3f})"
    accuracy = "-" if result.masked_accuracy is None else f"{result.masked_accuracy:.1%}"
    return [
        bits,
        accuracy,
        f"{result.parameters:,}" + ("*" if result.learning_rate is None else ""),
        f"{result.tokens_per_second:,.0f}",
        f"{result.seconds:,.1f}",
    ]


def comparison_table(results: Sequence[Result]) -> Table:
    """A row a model, in the order given."""
    tokens = max(result.tokens for result in results)
    notes = [COUNTS] if any(r.learning_rate is None for r in results) else []
    notes += [PSEUDO] if any(r.pseudo_bits_per_byte is not None for r in results) else []
    table = Table(
        title=f"{tokens:,} tokens of training each",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        caption=" ".join(notes),
        caption_justify="left",
    )
    table.padding = (0, 1, 0, 0)  # so that it fits a terminal of 80 columns
    table.add_column("")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(result.label, *cells(result))
    return table


def markdown(results: Sequence[Result]) -> str:
    """The same for a page."""
    lines = [f"| | {' | '.join(HEADINGS)} |", "|---|" + "---:|" * len(HEADINGS)]
    lines += [f"| {result.label} | {' | '.join(cells(result))} |" for result in results]
    return "\n".join(lines) + "\n"
