"""What a source could not use or did not want, counted by reason: nothing is dropped silently."""

from collections import Counter

NAMED = 20
"""So many are named one by one; the rest are only counted."""


class LeftOut:
    """Counts by reason, and the first few by name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.named: list[str] = []

    def add(self, reason: str, where: str = "", *, count: int = 1, detail: str = "") -> None:
        """Count something left out; ``where`` names it: a file, or a file and a line."""
        self.counts[reason] += count
        if where and len(self.named) < NAMED:
            self.named.append(f"{where}: {reason}" + (f" ({detail})" if detail else ""))
