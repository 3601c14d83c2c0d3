"""What a site's robots.txt allows, as RFC 9309 has it.

By protego, since the standard library's parser knows neither ``*`` and ``$`` nor that the longest
rule wins, and so would fetch what a site forbids.
"""

from protego import Protego

AGENT = "chatwright"
LONGEST_BYTES = 500 * 1024
"""So much of the file is read; RFC 9309 asks for that much at least."""


class Robots:
    """The rules for our name."""

    def __init__(self, content: bytes) -> None:
        self._rules = Protego.parse(content[:LONGEST_BYTES].decode("utf-8-sig", "replace"))

    def allows(self, address: str) -> bool:
        """Whether a page may be fetched."""
        return self._rules.can_fetch(address, AGENT)

    @property
    def delay_seconds(self) -> float:
        """The least time that the site wants between two pages."""
        return self._rules.crawl_delay(AGENT) or 0.0
