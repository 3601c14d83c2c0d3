"""What a source could not use or did not want, counted by reason: nothing is dropped silently."""

from collections import Counter

NAMED = 20
"""So many are named one by one; the rest are only counted."""

NAMED_FOR_A_REASON = 5
"""So many of them for one reason, so that a file of broken lines does not hide all else."""


class LeftOut:
    """Counts by reason, and the first few by name.

    ``versions`` says of what stands elsewhere which version was read, by name.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.named: list[str] = []
        self.versions: dict[str, str] = {}
        self._named_for: Counter[str] = Counter()

    def add(self, reason: str, where: str = "", *, count: int = 1, detail: str = "") -> None:
        """Count something left out; ``where`` names it: a file, or a file and a line."""
        self.counts[reason] += count
        if where and len(self.named) < NAMED and self._named_for[reason] < NAMED_FOR_A_REASON:
            self._named_for[reason] += 1
            self.named.append(f"{where}: {reason}" + (f" ({detail})" if detail else ""))
