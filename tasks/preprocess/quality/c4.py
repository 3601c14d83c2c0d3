"""C4's filter: lines that are no sentences go, and documents that few sentences are left of.

Raffel et al. 2020, "Exploring the Limits of Transfer Learning", arXiv:1910.10683, section 2.2, and
what its code in TensorFlow Datasets (c4_utils.py) adds: lines on cookies and terms of use, words
of a thousand characters, marks such as "[citation needed]".

Not covered: the list of bad words, and three-sentence spans that stand in other documents.
"""

import re
from dataclasses import dataclass

from tasks.preprocess.quality import chinese
from tasks.preprocess.quality.statistics import Statistics
from tasks.quality_params import C4Params

TERMINAL = (".", "?", "!", '"', "'", "”", "’")
"""C4's, and the typographic forms of the quotes."""

POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
          "use cookies")  # fmt: skip
_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
# Not after a title, an initial or "e.g.", which a sentence goes on behind.
_SENTENCE_END = re.compile(
    r"(?<!\bMr)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)(?<!\bMrs)(?<!\bProf)(?<!\be\.g)(?<!\bi\.e)"
    r"(?<!\b[A-Z])[.!?…]+[\"'”’)\]]*(?=\s|$)"
)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines that stay, how many sentences they have, and what sends the document away whatever
    stays of it, or None."""

    kept: list[str]
    sentences: int = 0
    reason: str | None = None


def c4(lines: Lines, limits: C4Params) -> str | None:
    """Why a document of which ``c4_lines`` made these lines goes; None where it stays."""
    if lines.reason is None and lines.sentences < limits.min_sentences:
        return "too few sentences"
    return lines.reason


def c4_lines(document: Statistics, limits: C4Params) -> Lines:
    """Keep the lines that are sentences, without marks of citation.

    ``min_sentences`` does not matter to it, nor does ``takes_lines_out``.
    """
    is_chinese = document.is_chinese
    terminal = chinese.TERMINAL + TERMINAL if is_chinese else TERMINAL
    policy = POLICY + chinese.POLICY if is_chinese else POLICY
    kept: list[str] = []
    sentences = 0
    for line in document.lines:
        words = line.split()
        if len(line) > limits.max_word_length and not is_chinese:
            if max(map(len, words)) > limits.max_word_length:
                continue
        line = _CITATION.sub("", line).strip()
        if limits.terminal_marks and (not line.endswith(terminal) or _is_cut_off(line)):
            continue
        length = len(words)
        if is_chinese:
            han = len(chinese.HAN_CHARACTER.findall(line))
            length = max(length, round(han / chinese.CHARACTERS_A_WORD))
        if length < limits.min_line_words:
            continue
        lower = line.lower()
        if "lorem ipsum" in lower:
            return Lines([], reason="lorem ipsum")
        if "javascript" in lower:
            continue
        if "{" in line:
            return Lines([], reason="a curly bracket")
        if any(phrase in lower for phrase in policy):
            continue
        sentences += sentence_count(line, is_chinese=is_chinese)
        kept.append(line)
    return Lines(kept, sentences)


def sentence_count(line: str, *, is_chinese: bool) -> int:
    """How many sentences a line has; what follows the last mark is one, too.

    >>> sentence_count("Mr. Brown sat. He read, e.g. this", is_chinese=False)
    2
    >>> sentence_count("他说：“好！”她笑了。", is_chinese=True)
    2
    """
    count, end = 0, 0
    for found in (chinese.SENTENCE_END if is_chinese else _SENTENCE_END).finditer(line):
        count, end = count + 1, found.end()
    return count + (end < len(line) and not line[end:].isspace())


def _is_cut_off(line: str) -> bool:
    return line.endswith("...")
