"""Which columns of a labelled set hold its text, the text it is paired with, and its label.

Told by the names in the header, as GLUE and CLUE have them; where there is none, by what the
columns hold: a number that only counts the rows, one or two texts, and last a label of few values
or numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

TEXTS = (
    "sentence", "sentence1", "text", "text_a", "review", "premise", "question", "question1",
    "#1 string", "s1", "content", "comment",
)  # fmt: skip
PAIRS = ("sentence2", "text_b", "hypothesis", "question2", "#2 string", "s2")
LABELS = (
    "label",
    "labels",
    "score",
    "gold_label",
    "quality",
    "similarity",
    "is_duplicate",
    "class",
)
NUMBERS = ("index", "id", "idx", "qid", "guid")

MOST_LABELS = 30
"""A column with more values than this among the rows looked at is no class."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Columns:
    """The places of the columns, None where there is none."""

    text: int
    pair: int | None = None
    label: int | None = None
    has_header: bool = True


def columns_named(names: Sequence[str]) -> Columns | None:
    """The columns by their names; None where they name no labelled set.

    >>> columns_named(["index", "question", "sentence", "label"])
    Columns(text=1, pair=2, label=3, has_header=True)
    """
    names = [name.strip().lower() for name in names]
    text = next((names.index(name) for name in TEXTS if name in names), None)
    pair = next((names.index(name) for name in PAIRS if name in names), None)
    label = next((names.index(name) for name in LABELS if name in names), None)
    if text is None:
        return None
    if pair is None and {"question", "sentence"} <= set(names):
        text, pair = names.index("question"), names.index("sentence")
    known = {*TEXTS, *PAIRS, *NUMBERS}
    if label is None and not set(names) <= known:
        return None  # a test set has a text and nothing unknown; anything else is another table
    return Columns(text, pair, label)


def columns_by_content(rows: Sequence[Sequence[str]]) -> Columns | None:
    """The columns of a table without a header, by its first rows; None where they are not clear."""
    widths = [len(row) for row in rows]
    width = max(widths, default=0, key=widths.count)
    rows = [row for row in rows if len(row) == width]
    columns = list(zip(*rows, strict=True))
    if len(rows) < 2:
        return None
    if width == 4 and set(columns[1]) <= {"0", "1"} and not set("".join(columns[2])) - set("*?"):
        return Columns(text=3, label=1, has_header=False)  # CoLA, with linguists' marks
    places = list(range(width))
    if _counts(columns[0]):
        places.pop(0)
    if len(places) not in (2, 3):
        return None
    *texts, label = places
    values = set(columns[label])
    if not (all(map(_NUMBER.fullmatch, values)) or len(values) <= min(MOST_LABELS, len(rows) // 2)):
        return None
    if any(all(map(_NUMBER.fullmatch, columns[place])) for place in texts):
        return None
    return Columns(texts[0], texts[1] if len(texts) == 2 else None, label, has_header=False)


def _counts(column: Sequence[str]) -> bool:
    """Whether a column does nothing but number the rows."""
    if not all(cell.isascii() and cell.isdigit() for cell in column):
        return False
    numbers = list(map(int, column))
    return all(one < next_ for one, next_ in zip(numbers, numbers[1:], strict=False))
