"""How figures of a corpus are said."""

from tasks.corpus_page.page import Lengths
from tasks.corpus_page.samples import BeforeAfter


def size_text(size: int) -> str:
    """Bytes in the unit that reads best.

    >>> size_text(999), size_text(2_199_480)
    ('999 B', '2.2 MB')
    """
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{size / bytes_each:,.1f} {unit}"
    return f"{size} B"


def length_name(lengths: Lengths, place: int) -> str:
    """The bin at a place, by its shortest and longest texts.

    >>> lengths = Lengths(edges=[1, 2, 5, 1000, 2000], kept=[0] * 4, rejected=[0] * 4)
    >>> [length_name(lengths, place) for place in range(4)]
    ['1', '2-4', '5-999', '1,000-1,999']
    """
    low, high = lengths.edges[place], lengths.edges[place + 1] - 1
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"


def what_changed(sample: BeforeAfter) -> str:
    """In a few words, what cleaning did to a document."""
    if sample.before is None:
        return f"{sample.split}, {sample.after:,} characters; data/raw does not hold it"
    if sample.title_before != sample.title:
        title = f'; title "{sample.title_before}" became "{sample.title}"'
    else:
        title = ""
    if not sample.lines:
        return f"{sample.split}, {sample.after:,} characters, text unchanged{title}"
    return f"{sample.split}, {sample.before:,} characters became {sample.after:,}{title}"
