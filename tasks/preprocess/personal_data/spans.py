"""What the finders of personal data share: the kinds, a span, and the form a text is scanned in."""

import re
from typing import Literal, NamedTuple, get_args

Kind = Literal["email", "phone", "ip", "card", "iban", "china_id", "us_ssn", "name"]
ALL_KINDS: tuple[Kind, ...] = get_args(Kind)
KINDS = tuple(kind for kind in ALL_KINDS if kind != "name")
"""Those that are known by their form; people's names need lists of them, from an extra package."""


class Span(NamedTuple):
    """Where something personal stands: characters from ``start`` to before ``end``."""

    start: int
    end: int
    kind: Kind


# What stands for an ASCII character in numbers and addresses: full-width forms, hyphens of all
# lengths, hard spaces. One for one, so that positions stay.
_SIGNS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\xa0\u2007\u2009\u202f\u3000", " "),
    **dict(zip("（）＋－．", "()+-.", strict=True)),
}
_PLAIN = str.maketrans(_SIGNS | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)})
# Each begins with a set of characters, which ``re`` skips to; "a|b" would be ten times as slow.
_WIDE = re.compile("[０-９＠]")
_SIGN_BEFORE_DIGIT = re.compile(f"[{''.join(_SIGNS)}](?=[0-9])")
_ANY_SIGN = re.compile(f"[{''.join(_SIGNS)}]")


def plain_form(text: str) -> str:
    """The text as the finders read it: ASCII digits and signs, each character in its place.

    >>> plain_form("电话：（０１０）６２２８‐８５５９")
    '电话:(010)6228-8559'
    """
    if text.isascii():
        return text
    if _WIDE.search(text):
        return text.translate(_PLAIN)
    if _SIGN_BEFORE_DIGIT.search(text):
        return _ANY_SIGN.sub(lambda sign: _SIGNS[sign[0]], text)
    return text
