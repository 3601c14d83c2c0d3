"""Where personal data stands in a text: one scan for candidates, then each kind's own rules.

Numbers of all kinds come out of one scan, which stops at digits only; addresses are found from
their ``@`` and their colons. So a text without any is passed over at the speed of its reading.
Names take longer, and are looked for only where they are wanted.
"""

import re
from collections.abc import Collection, Iterator

from tasks.preprocess.personal_data.card import cards
from tasks.preprocess.personal_data.china_id import china_ids
from tasks.preprocess.personal_data.email_address import email_addresses, is_example_address
from tasks.preprocess.personal_data.iban import iban
from tasks.preprocess.personal_data.ip_address import (
    ipv4_addresses,
    ipv6_addresses,
    is_public_address,
)
from tasks.preprocess.personal_data.names import name_finder
from tasks.preprocess.personal_data.phone import phones
from tasks.preprocess.personal_data.spans import KINDS, Kind, Span, plain_form
from tasks.preprocess.personal_data.us_ssn import us_ssns

# The digits after an IBAN's country, or a run of digits and what stands between groups of them:
# seven at least, as 1.1.1.1 and 223-4567 have.
_CANDIDATES = re.compile(
    r"[0-9](?:(?<=[A-Za-z]{2}[0-9])(?<![0-9A-Za-z][A-Za-z]{2}[0-9])"
    r"(?P<iban>[0-9])(?=[ -]?[0-9A-Za-z]{3})"
    r"|[-0-9 ./()]{6,}+)"
)


def personal_data(
    text: str, kinds: Collection[Kind] = KINDS, *, examples: bool = False
) -> list[Span]:
    """The personal data in a text, in order, none overlapping another.

    What belongs to nobody stays: addresses of example.com and its like (RFC 2606), and IP
    addresses that are private, loopback, for documentation or reserved.

    Args:
        text: any text; full-width digits and signs are read like ASCII.
        kinds: which to return. All but names are looked for in any case, since a card's number
            must not be taken for a telephone's.
        examples: whether to return what belongs to nobody, too.

    Raises:
        MissingInput: names are wanted and a package for them is not installed.

    >>> [text[s.start : s.end] for text in ["Write to ann@uni.edu, 电话13800138000。"]
    ...  for s in personal_data(text)]
    ['ann@uni.edu', '13800138000']
    """
    plain = plain_form(text)
    found: list[Span] = []
    # Stable: of what begins at the same place, the kind with the stricter rules comes first.
    for span in sorted(_all(plain, kinds), key=lambda span: span.start):
        if not found or span.start >= found[-1].end:
            found.append(span)
    return [
        span
        for span in found
        if span.kind in kinds
        and (examples or not _is_nobodys(plain[span.start : span.end], span.kind))
    ]


def _all(plain: str, kinds: Collection[Kind]) -> Iterator[Span]:
    if "@" in plain:
        yield from email_addresses(plain)
    if "ip" in kinds and ":" in plain:
        yield from ipv6_addresses(plain)
    yield from _numbers(plain)
    if "name" in kinds:
        yield from name_finder()(plain)


def _numbers(plain: str) -> Iterator[Span]:
    done = 0
    last_phone: int | None = None
    for candidate in _CANDIDATES.finditer(plain):
        start, end = candidate.span()
        if start < done:
            continue
        if candidate["iban"]:
            span = iban(plain, start - 2)
            if span:
                yield span
                done = span.end
            continue
        end = start + len(candidate[0].rstrip("-./( "))
        taken = end
        for finder in (china_ids, cards, us_ssns, ipv4_addresses):
            for span in finder(plain, start, end):
                yield span
                taken = min(taken, span.start)
        if taken == end:
            for span in phones(plain, start, end, last_phone):
                yield span
                last_phone = span.end


def _is_nobodys(written: str, kind: Kind) -> bool:
    if kind == "email":
        return is_example_address(written)
    return kind == "ip" and not is_public_address(written)
