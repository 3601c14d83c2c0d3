"""A port of this machine that a process started later can still have."""

import random
import socket

from chatwright.errors import ServiceUnavailable

# Below those that Linux (from 32,768 on) and macOS (from 49,152 on) give to connections as they
# come: one of these would be gone now and then before its process has started.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A port of 127.0.0.1 at which nothing listens.

    Raises:
        ServiceUnavailable: a hundred were tried, and none could be had.
    """
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServiceUnavailable(
        "127.0.0.1",
        f"none of 100 ports from {PORTS.start:,} on is free",
        "End what listens there, or see whether this machine allows it at all",
    )
