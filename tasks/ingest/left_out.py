"""What a source could not use or did not want, counted by reason: nothing is dropped silently."""

from collections import Counter
from itertools import chain, zip_longest

NAMED = 20
"""So many are named one by one, and at least one for each reason; the rest are only counted."""

NAMED_FOR_A_REASON = 5
"""So many of them for one reason, so that a file of broken lines does not hide all else."""


class LeftOut:
    """Counts by reason, and some by name.

    ``versions`` says of what stands elsewhere which version was read, by name; ``by_reason`` holds
    those that are named.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.versions: dict[str, str] = {}
        self.by_reason: dict[str, list[str]] = {}

    def add(self, reason: str, where: str, *, count: int = 1, detail: str = "") -> None:
        """Count something left out; ``where`` names it: a file, or a file and a line."""
        self.counts[reason] += count
        named = self.by_reason.setdefault(reason, [])
        if len(named) < NAMED_FOR_A_REASON:
            named.append(f"{where}: {reason}" + (f" ({detail})" if detail else ""))

    def merge(self, other: "LeftOut") -> None:
        """Count what another one has, as if it had been added here after all that is here."""
        self.counts.update(other.counts)
        self.versions |= other.versions
        for reason, named in other.by_reason.items():
            here = self.by_reason.setdefault(reason, [])
            here += named[: NAMED_FOR_A_REASON - len(here)]

    @property
    def firsts(self) -> list[str]:
        """The first of each reason."""
        return [named[0] for named in self.by_reason.values()]

    @property
    def named(self) -> list[str]:
        """The first of each reason, then the second of each, and so on."""
        rounds = zip_longest(*self.by_reason.values())
        named = [each for each in chain.from_iterable(rounds) if each]
        return named[: max(NAMED, len(self.by_reason))]
