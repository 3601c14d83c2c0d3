"""The chosen filters, in the order in which FineWeb ran them, on one document.

A filter is a pure function of a document's statistics and its limits that returns None (it stays)
or a reason. C4's also takes lines out; what follows judges the text without them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from tasks.params import PreprocessParams
from tasks.preprocess.quality.c4 import Lines, c4, c4_lines
from tasks.preprocess.quality.fineweb import fineweb
from tasks.preprocess.quality.gopher import gopher_quality, gopher_repetition
from tasks.preprocess.quality.statistics import Numbers, Statistics
from tasks.quality_params import QualityParams

UNCOUNTED = frozenset("ja th lo km my bo hi mr ne sa bn as ta te kn ml gu pa or si".split())
"""Languages whose words the filters cannot count: written without spaces (Chinese apart, which has
limits of its own), or with vowel signs that Python does not take for parts of a word."""


@dataclass
class Found:
    """What filters find out about a document, which they need not a second time.

    Attributes:
        whole: numbers of the document.
        lines: what C4's makes of its lines; None: it was not asked.
        left: numbers of the text that these lines are.
    """

    whole: Numbers = field(default_factory=dict)
    lines: Lines | None = None
    left: Numbers = field(default_factory=dict)


def judged(
    text: str, lang: str, params: PreprocessParams, found: Found | None = None
) -> tuple[str, str | None]:
    """What stays of a document, and why it goes: None where it stays.

    Args:
        text: the clean text, not empty.
        lang: its language, as a primary code. Those of ``UNCOUNTED`` are not judged; those other
            than English and Chinese are judged without their stop words.
        params: the filters' names and limits.
        found: what is known already, whatever the limits were (but for C4's own on lines); what
            these filters find out is added.
    """
    if not params.filters or lang in UNCOUNTED:
        return text, None
    limits = params.quality_zh if lang == "zh" else params.quality
    return filtered(text, lang, params.filters, limits, found)


def filtered(
    text: str,
    lang: str,
    names: Collection[str],
    limits: QualityParams,
    found: Found | None = None,
) -> tuple[str, str | None]:
    """As ``judged``, with the limits given."""
    found = Found() if found is None else found
    document = Statistics(text, lang, found.whole)
    if "gopher-repetition" in names:
        if reason := gopher_repetition(document, limits.gopher_repetition):
            return text, f"gopher-repetition: {reason}"
    if "gopher-quality" in names:
        if reason := gopher_quality(document, limits.gopher_quality):
            return text, f"gopher-quality: {reason}"
    if "c4" in names:
        lines = found.lines = found.lines or c4_lines(document, limits.c4)
        if reason := c4(lines, limits.c4):
            return text, f"c4: {reason}"
        if limits.c4.takes_lines_out:
            text = "\n".join(lines.kept)
            document = Statistics(text, lang, found.left)
    if "fineweb" in names:
        if reason := fineweb(document, limits.fineweb):
            return text, f"fineweb: {reason}"
    return text, None
