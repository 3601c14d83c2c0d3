"""Which machine a host's name leads to, and whether it may be asked.

A list of addresses is not to make this machine read its own network to whoever wrote the list, so
what counts is the number that a name resolves to, and just that number is connected to: a name
server that answers differently the second time (DNS rebinding) gains nothing.
"""

import ipaddress
import socket

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """Something that will not be fetched, or that cannot be; the message is the reason.

    ``may_pass``: whether another try, later, may do better; ``is_final``: but not in this run;
    ``is_absence``: the server says that there is no such thing; ``wait_seconds``: what it asks for.
    """

    def __init__(
        self,
        reason: str,
        detail: str = "",
        *,
        may_pass: bool = False,
        is_final: bool = False,
        is_absence: bool = False,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail
        self.may_pass, self.is_final, self.is_absence = may_pass, is_final, is_absence
        self.wait_seconds = wait_seconds


PRIVATE = "in a private network, and ingest.web.allow_private is false"
ALLOW_PRIVATE = "set ingest.web.allow_private to true if such machines may be asked"


def checked_ips(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The numbers of a host that may be connected to, in the resolver's order.

    Raises:
        Refused: it has none, or only such as are not of the public internet.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("its host is not known", str(error), may_pass=True) from None
    numbers = list(dict.fromkeys(str(each[4][0]) for each in found))
    allowed = [each for each in numbers if allow_private or is_public(each)]
    if not allowed:
        raise Refused(PRIVATE, f"{host} is {numbers[0]}")
    return allowed


def is_public(number: str) -> bool:
    """Whether an address is one of the public internet, whatever it is wrapped in.

    >>> [is_public(each) for each in ("1.1.1.1", "169.254.169.254", "::ffff:10.0.0.1")]
    [True, False, False]
    """
    address: Ip = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast
