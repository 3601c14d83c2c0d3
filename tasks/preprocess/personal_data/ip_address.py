"""IP addresses, versions 4 and 6; which of them may be somebody's, ``ipaddress`` knows.

Four numbers with dots may also be a version or the number of a heading: what follows the word
"version" or a slash after a name, and what opens a line and is followed by a title, is left.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Network

from tasks.preprocess.personal_data.spans import Span

_V4 = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
    r"(?![A-Za-z0-9_]|\.[0-9]|-[0-9]|\.in-addr)"
)
_VERSION = re.compile(
    r"(?:version|ver\.?|v\.?|release|section|chapter|§|版本|第)[ :：]{0,2}$|[^/]/$", re.I
)
_HEADING = re.compile(r"\.?[ \t]+[A-Z\u4e00-\u9fff]")
_V6_HINT = re.compile(":[0-9A-Fa-f]{0,4}:")
_V6_BEFORE = re.compile("[0-9A-Fa-f:.]*$")
_V6_FROM = re.compile(r"[0-9A-Fa-f:.]*")
_WORD = re.compile("[A-Za-z0-9_]")
_LONGEST_V6 = 45
_GLOBAL_UNICAST = IPv6Network("2000::/3")


def ipv4_addresses(text: str, start: int, end: int) -> Iterator[Span]:
    """The IPv4 addresses in a run of digits and dots."""
    for found in _V4.finditer(text, start, end + len(".in-addr")):
        if found.start() >= end or any(int(part) > 255 for part in found[0].split(".")):
            continue
        before = text[max(0, found.start() - 12) : found.start()]
        opens_line = not before.rsplit("\n", 1)[-1].strip()
        if _VERSION.search(before) or (opens_line and _HEADING.match(text, found.end())):
            continue
        yield Span(found.start(), found.end(), "ip")


def ipv6_addresses(text: str) -> Iterator[Span]:
    """The IPv6 addresses in a text."""
    done = 0
    for hint in _V6_HINT.finditer(text):
        if hint.start() < done:
            continue
        before = _V6_BEFORE.search(text[max(0, hint.start() - _LONGEST_V6) : hint.start()])
        start = hint.start() - (len(before[0]) if before else 0)
        found = _V6_FROM.match(text, start)
        done = found.end() if found else hint.end()
        written = text[start:done].rstrip(".")
        if written.endswith(":") and not written.endswith("::"):
            written = written[:-1]
        if _WORD.match(text, done) or (start and _WORD.match(text, start - 1)):
            continue
        try:
            IPv6Address(written)
        except AddressValueError:
            continue
        yield Span(start, start + len(written), "ip")


def is_public_address(address: str) -> bool:
    """Whether an address may be somebody's: not private, loopback, documentation or reserved."""
    if ":" in address:
        v6 = IPv6Address(address)
        return v6 in _GLOBAL_UNICAST and v6.is_global
    numbers = [int(part) for part in address.split(".")]
    return IPv4Address(bytes(numbers)).is_global
