"""Sessions of aiohttp that ask no machine of a private network, wherever a redirect leads.

Each address is looked at as it is connected to, which is after its name was resolved: so it counts
for every redirect, for numbers in place of names, and for a name that resolves to another number
the second time.

Not covered: behind a proxy (HTTPS_PROXY) names are the proxy's to resolve, and its rules hold; of
the addresses only those that are numbers are looked at.
"""

import ipaddress
import socket
from contextvars import ContextVar
from typing import Any

from aiohttp import ClientSession, TCPConnector

from tasks.ingest.http.addresses import PRIVATE, is_public

_by_proxy: ContextVar[bool] = ContextVar("_by_proxy", default=False)
"""Whether what is being connected to is a proxy, which often stands in a private network."""


class PrivateAddress(OSError):
    """A machine that may not be asked; an OSError, as those of a socket are, for aiohttp."""

    def __init__(self) -> None:
        super().__init__(f"leads to a machine {PRIVATE}")


async def public_session(**options: Any) -> ClientSession:
    """A session that connects to public addresses only; otherwise an aiohttp ``ClientSession``."""
    return ClientSession(connector=_PublicConnector(socket_factory=_public_socket), **options)


class _PublicConnector(TCPConnector):
    async def connect(self, req: Any, *arguments: Any, **named: Any) -> Any:
        if req.proxy is not None and _is_private_number(req.url.host or ""):
            raise PrivateAddress
        _by_proxy.set(req.proxy is not None)
        return await super().connect(req, *arguments, **named)


def _is_private_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return not is_public(host)


def _public_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, (number, *_) = address
    if not _by_proxy.get() and not is_public(number):
        raise PrivateAddress
    return socket.socket(family, kind, protocol)
