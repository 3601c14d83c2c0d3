"""Social security numbers of the United States, by the rules for what is never given out.

Without its hyphens a number of nine digits is one only where the words before it say so.
"""

import re
from collections.abc import Iterator

from tasks.preprocess.personal_data.spans import Span

_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.+-])(?!000|666|9)[0-9]{3}([ -]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}"
    r"(?![A-Za-z0-9_]|[.-][0-9])"
)
_SAYS_SO = re.compile(r"\bssn?s?\b|\bssid\b|social[ -]security", re.I)
# Printed on cards in wallets and in advertisements: nobody's.
_ADVERTISED = frozenset({"078051120", "219099999"})


def us_ssns(text: str, start: int, end: int) -> Iterator[Span]:
    """The social security numbers in a run of digits."""
    for found in _NUMBER.finditer(text, start, end + 3):
        if found[0].replace(found[1] or "-", "") in _ADVERTISED:
            continue
        if found[1] == "-" or _SAYS_SO.search(text, max(0, found.start() - 40), found.start()):
            yield Span(found.start(), found.end(), "us_ssn")
