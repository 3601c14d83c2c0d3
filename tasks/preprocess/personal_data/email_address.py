"""E-mail addresses (RFC 5321), as people write them in running text.

Found from their ``@``, which is rare. Left out on purpose: quoted local parts and comments, which
nobody uses, and local parts or domains in Chinese, since Chinese text has no space after an
address. The top level must have two letters or be a known one, or ``a@b.shape`` were an address.
What a colon and a path follow is a place on another machine: ``git@github.com:someone/project``.
"""

import re
from collections.abc import Iterator

from tasks.preprocess.personal_data.spans import Span

_LOCAL = re.compile(r"[A-Za-z0-9À-ɏ._%+'&~-]+$")
_DOMAIN = re.compile(
    r"@(?:((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+)"
    r"([A-Za-z]{2,24}|[Xx][Nn]--[A-Za-z0-9-]{2,59})(?![A-Za-z0-9_(])"
    r"|\[(?:[0-9]{1,3}\.){3}[0-9]{1,3}\])"
)
_PATH = re.compile(r":(?!//)(?:[A-Za-z0-9_.~+-]{0,64}/|[A-Za-z0-9_.~+-]{1,64}\.git\b)")
_TOP_LEVELS = frozenset(
    "com org net edu gov mil int arpa info biz name pro aero coop museum mobi asia cat jobs tel"
    " travel post xxx xyz online site website store shop app dev blog cloud club email digital"
    " group icu life live link media network news one page space systems tech today top vip wiki"
    " work world zone agency academy center company design directory education engineering"
    " foundation global health institute international london berlin paris ltd software solutions"
    " studio support technology university ventures wang ren".split()
)
_EXAMPLE_DOMAIN = re.compile(
    r"@(?:.*\.)?(?:example\.(?:com|org|net|edu)|[^.]*\.?(?:example|test|invalid|localhost))$", re.I
)


def email_addresses(text: str) -> Iterator[Span]:
    """The e-mail addresses in a text."""
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at)
        if domain and (domain[2] is None or _is_top_level(domain[2])):
            local = _LOCAL.search(text[max(0, at - 64) : at])
            name = local[0].lstrip(".%+'&~-") if local else ""
            if name and not name.endswith(".") and not _PATH.match(text, domain.end()):
                yield Span(at - len(name), domain.end(), "email")
        at = text.find("@", domain.end() if domain else at + 1)


def is_example_address(address: str) -> bool:
    """Whether an address is of a domain that belongs to nobody (RFC 2606)."""
    return _EXAMPLE_DOMAIN.search(address) is not None


def _is_top_level(name: str) -> bool:
    if not (name.islower() or name.isupper()):
        return name[:4].lower() == "xn--" or name.lower() in _TOP_LEVELS
    return len(name) == 2 or name.lower() in _TOP_LEVELS or name[:4].lower() == "xn--"
