"""Personal data replaced by what it was."""

from collections import Counter
from collections.abc import Collection

from tasks.preprocess.personal_data.finding import personal_data
from tasks.preprocess.personal_data.spans import ALL_KINDS, Kind

PLACEHOLDERS: dict[Kind, str] = {kind: f"<{kind.replace('_', '-')}>" for kind in ALL_KINDS}
"""``<email>``, ``<phone>`` and so on: short words in brackets, unlike any control token."""


def without_personal_data(text: str, kinds: Collection[Kind]) -> tuple[str, Counter[Kind]]:
    """A text with placeholders for its personal data, and how many of each kind there were.

    >>> without_personal_data("Ask ann@uni.edu (10.0.0.7).", ["email", "ip"])
    ('Ask <email> (10.0.0.7).', Counter({'email': 1}))
    """
    spans = personal_data(text, kinds) if kinds else []
    pieces, done = [], 0
    for span in spans:
        pieces += [text[done : span.start], PLACEHOLDERS[span.kind]]
        done = span.end
    return "".join(pieces) + text[done:], Counter(span.kind for span in spans)
