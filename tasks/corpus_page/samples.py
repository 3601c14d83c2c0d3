"""Documents to look at: a few that were dropped, and a few as they came and as they are now."""

import difflib
import itertools
import random
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel

from chatwright.errors import BadInput
from tasks.corpus_folder import Folder
from tasks.corpus_page.page import SPLITS, kinds
from tasks.corpus_page.reservoir import Reservoir

SAMPLES = 10
EXCERPT_CHARACTERS = 300
COMPARED_LINES = 400  # difflib takes the square of it
SHOWN_LINES = 8
LINE_CHARACTERS = 96
LEAD_CHARACTERS = 24  # shown before the place where a line differs


class Dropped(BaseModel):
    """A document that was dropped, with the beginning of its text."""

    id: str
    source: str
    title: str
    reason: str
    characters: int
    excerpt: str


class Line(BaseModel):
    """A line that cleaning took out ("-") or put in ("+"), as it is shown, around what differs."""

    sign: str
    number: int
    text: str


class BeforeAfter(BaseModel):
    """A document as it came and as it is. ``before`` is None where data/raw does not hold it.

    ``lines`` are the first that differ; ``more`` counts those that are not shown. ``excerpt`` is
    the beginning of the text as it is.
    """

    id: str
    split: str
    title_before: str | None
    title: str
    before: int | None
    after: int
    excerpt: str
    lines: list[Line]
    more: int


UNREAD = (
    "What could not be read is counted in reports/ingest.json, and up to five of each kind named"
)


def dropped(
    rejected: Folder, wanted: str, *, samples: int = SAMPLES, seed: int = 0
) -> list[Dropped]:
    """A random few of the documents that were dropped for a reason.

    Args:
        wanted: a reason, or how several begin: ``gopher-quality`` means all of that filter's.

    Raises:
        BadInput: nothing was dropped for it; says what there is.
    """
    kept = Reservoir(samples)
    seen: dict[str, int] = {}
    order = np.random.default_rng(seed)
    for table in rejected.batches(["id", "source", "title", "text", "reason"]):
        of_kind = kinds(table["reason"])
        for each in pc.value_counts(of_kind).to_pylist():
            seen[each["values"]] = seen.get(each["values"], 0) + each["counts"]
        places = pc.indices_nonzero(pc.starts_with(table["reason"], pattern=wanted)).to_numpy()
        kept.offer(order.random(len(table))[places], table.take(places))
    if not kept.values():
        near = difflib.get_close_matches(wanted, seen, n=1)
        there = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(seen.items()))
        raise BadInput(
            f"--reason {wanted}",
            "no document was dropped for it",
            f"Did you mean {near[0]}?" if near else f"There are: {there or 'none'}. {UNREAD}",
        )
    return [
        Dropped(
            **{name: row[name] for name in ("id", "source", "title", "reason")},
            characters=len(row["text"]),
            excerpt=excerpt(row["text"]),
        )
        for row in kept.values()
    ]


def before_and_after(
    raw: Folder, clean: Folder, *, samples: int = SAMPLES, seed: int = 0
) -> list[BeforeAfter]:
    """A random few of the documents that stayed, in the order of their ids.

    Which ones they are depends on the seed and on how many there are, not on what they hold.
    """
    sizes = {split: clean.below(split).rows() for split in SPLITS}
    total = sum(sizes.values())
    chosen = random.Random(seed).sample(range(total), min(samples, total))
    after, start = {}, 0
    for split, size in sizes.items():
        places = [place - start for place in chosen if start <= place < start + size]
        found = clean.below(split).rows_at(places, ["id", "title", "text"])
        after.update({row["id"]: (split, row) for row in found.values()})
        start += size
    places = raw.places_of(after)
    before = {row["id"]: row for row in raw.rows_at(places, ["id", "title", "text"]).values()}
    return [_compared(split, before.get(name), row) for name, (split, row) in sorted(after.items())]


def _compared(split: str, before: dict[str, str] | None, after: dict[str, str]) -> BeforeAfter:
    lines, more = changed_lines(before["text"], after["text"]) if before else ([], 0)
    return BeforeAfter(
        id=after["id"],
        split=split,
        title_before=before["title"] if before else None,
        title=after["title"],
        before=len(before["text"]) if before else None,
        after=len(after["text"]),
        excerpt=excerpt(after["text"]),
        lines=lines,
        more=more,
    )


def changed_lines(before: str, after: str) -> tuple[list[Line], int]:
    """The first lines that differ, each clipped to where it does, and how many more there are.

    Lines are numbered from 1, each in its own text. Of a stretch of more than ``COMPARED_LINES``
    lines between the first difference and the last, all count as changed.
    """
    # Not splitlines, which would hide what is in a line but a line feed.
    old, new = before.split("\n"), after.split("\n")
    head = _equal_at_the_start(old, new)
    tail = _equal_at_the_start(old[head:][::-1], new[head:][::-1])
    old_part, new_part = old[head : len(old) - tail], new[head : len(new) - tail]
    stretches = [(0, len(old_part), 0, len(new_part))]
    if max(len(old_part), len(new_part)) <= COMPARED_LINES:
        matcher = difflib.SequenceMatcher(a=old_part, b=new_part, autojunk=False)
        steps = matcher.get_opcodes()
        stretches = [(a, b, c, d) for kind, a, b, c, d in steps if kind != "equal"]
    changed = sum(b - a + d - c for a, b, c, d in stretches)
    shown: list[Line] = []
    for a, b, c, d in stretches:
        if len(shown) >= SHOWN_LINES:
            break
        pairs = itertools.zip_longest(
            old_part[a : min(b, a + SHOWN_LINES)], new_part[c : min(d, c + SHOWN_LINES)]
        )
        for offset, (gone, come) in enumerate(pairs, start=head + 1):
            at = 0 if gone is None or come is None else _equal_at_the_start(gone, come)
            for sign, line, place in (("-", gone, a), ("+", come, c)):
                if line is not None:
                    shown.append(Line(sign=sign, number=place + offset, text=clipped(line, at)))
    shown = shown[:SHOWN_LINES]
    return shown, changed - len(shown)


def _equal_at_the_start(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def clipped(line: str, at: int = 0) -> str:
    """A line around a place in it, with what cannot be seen written out.

    >>> clipped("a\\tb\\x07 ")
    'a\\\\tb\\\\x07·'
    """
    start = max(0, at - LEAD_CHARACTERS) if len(line) > LINE_CHARACTERS else 0
    piece = line[start : start + LINE_CHARACTERS]
    end = start + len(piece)
    bare = piece.rstrip(" ") if end == len(line) else piece
    seen = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in bare)
    return ("…" if start else "") + seen + "·" * (len(piece) - len(bare)) + "…" * (end < len(line))


def excerpt(text: str) -> str:
    """The beginning of a text on one line.

    >>> excerpt("one\\n  two")
    'one two'
    """
    words = " ".join(text[: 2 * EXCERPT_CHARACTERS].split())
    cut = len(words) > EXCERPT_CHARACTERS or len(text) > 2 * EXCERPT_CHARACTERS
    return words[:EXCERPT_CHARACTERS].rstrip() + ("…" if cut else "")
