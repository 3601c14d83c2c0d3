"""Numbers of payment cards: the issuer's prefix and length, and Luhn's check digit (ISO/IEC 7812).

Where the words before a number say card, the check digit is enough.
"""

import re
from collections.abc import Iterator

from tasks.preprocess.personal_data.spans import Span

_CARD = re.compile(r"(?<![A-Za-z0-9_.+-])[0-9](?:[ -]?[0-9]){11,18}(?![A-Za-z0-9_]|[.-][0-9])")
_SAYS_CARD = re.compile(r"\bcards?\b|\bcc\b|credit|debit|visa|mastercard|卡", re.I)
# Prefix, then the lengths that its issuer uses.
_ISSUERS = (
    (re.compile("4"), (13, 16, 19)),  # Visa
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile("3[47]"), (15,)),  # American Express
    (re.compile("30[0-5]|3[689]"), (14, 16, 17, 18, 19)),  # Diners Club
    (re.compile("6011|64[4-9]|65"), (16, 17, 18, 19)),  # Discover
    (re.compile("352[89]|35[3-8]"), (16, 17, 18, 19)),  # JCB
    (re.compile("2131|1800"), (15,)),  # JCB, older
    (re.compile("62|81"), (16, 17, 18, 19)),  # UnionPay
    (re.compile("220[0-4]"), (16, 17, 18, 19)),  # Mir
    (re.compile("50|5[6-8]|6[0-9]"), (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
)


def cards(text: str, start: int, end: int) -> Iterator[Span]:
    """The card numbers in a run of digits, together or in groups of at least three."""
    for found in _CARD.finditer(text, start, end + 3):
        groups = re.split("[ -]", found[0])
        digits = "".join(groups)
        if len(groups) > 1 and min(len(group) for group in groups) < 3:
            continue
        named = _SAYS_CARD.search(text, max(0, found.start() - 40), found.start())
        if (named or has_issuer(digits)) and luhn_holds(digits):
            yield Span(found.start(), found.end(), "card")


def has_issuer(digits: str) -> bool:
    """Whether some issuer gives out numbers with this beginning and this length."""
    return any(len(digits) in lengths and start.match(digits) for start, lengths in _ISSUERS)


def luhn_holds(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit of those before it.

    >>> luhn_holds("79927398713"), luhn_holds("79927398710")
    (True, False)
    """
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
