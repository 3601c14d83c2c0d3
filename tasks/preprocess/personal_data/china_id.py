"""Numbers of Chinese identity cards (GB 11643): region, day of birth, and a check digit."""

import re
from collections.abc import Iterator
from datetime import date

from tasks.preprocess.personal_data.spans import Span

_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])[1-9][0-9]{5}[ -]?(?:18|19|20)[0-9]{6}[ -]?[0-9]{3}[0-9Xx]"
    r"(?![A-Za-z0-9_]|\.[0-9])"
)
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65"
    " 71 81 82 83".split()
)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def china_ids(text: str, start: int, end: int) -> Iterator[Span]:
    """The identity numbers in a run of digits; the last one may be an X."""
    for found in _NUMBER.finditer(text, start, end + 3):
        number = found[0].replace(" ", "").replace("-", "")
        if (
            number[:2] in _PROVINCES
            and _is_date(number[6:14])
            and number[17].upper() == check_digit(number[:17])
        ):
            yield Span(found.start(), found.end(), "china_id")


def check_digit(digits: str) -> str:
    """The check digit of seventeen digits (ISO 7064, MOD 11-2): 0 to 9 or X.

    >>> check_digit("11010519491231002")
    'X'
    """
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def _is_date(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True
