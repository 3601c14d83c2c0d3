"""FineWeb's own filters: lists, menus and pages put together from pieces.

Penedo et al. 2024, "The FineWeb Datasets", arXiv:2406.17557, section 3.5, and its published code
for the share of line breaks among the words.
"""

from tasks.preprocess.quality import chinese
from tasks.preprocess.quality.statistics import Statistics, repeated_share
from tasks.quality_params import FineWebParams

TERMINAL = tuple(".!?。！？．｡؟۔।॥։።។…\u061d⁇⁈⁉")
"""Marks that end a sentence in any script; a double ellipsis ends in one, too."""


def fineweb(document: Statistics, limits: FineWebParams) -> str | None:
    """Why a document is a list or a patchwork; None where it is neither."""
    lines = document.lines
    if not lines:
        return "empty"
    terminal = TERMINAL + chinese.TERMINAL if document.is_chinese else TERMINAL
    if sum(line.endswith(terminal) for line in lines) < limits.terminal_lines * len(lines):
        return "few lines end in a mark"
    short = sum(len(line) <= limits.short_line for line in lines)
    if short > limits.short_lines * len(lines):
        return "short lines"
    characters = len(document.text) - document.line_breaks
    if repeated_share(lines, characters)[1] > limits.line_characters:
        return "much text is in lines that repeat"
    if document.line_breaks > limits.line_breaks * document.all_tokens:
        return "a list"
    return None
