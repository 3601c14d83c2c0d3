"""What a table of figures has to say about where it was made."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import psutil

from benchmarks.peers.install import NANOGPT_COMMIT, PACKAGES


def physical_cores() -> int:
    """How many there are; two threads on one help matrix products little."""
    return psutil.cpu_count(logical=False) or 1


def described(threads: int) -> str:
    """Processor, cores, memory and versions, in a few lines."""
    memory = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[0]
    peers = ", ".join(packages[0] for packages in PACKAGES.values())
    return (
        f"{_processor()}, {physical_cores()} cores, {memory:.0f} GiB, {threads} threads, "
        f"load {load:.1f} at the start\n"
        f"Python {platform.python_version()}, torch {version('torch')}, "
        f"pytorch-lightning {version('pytorch-lightning')}; "
        f"nanoGPT {NANOGPT_COMMIT[:8]}, {peers.replace('==', ' ')}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields: Mapping[str, str] = dict(
        (part.strip() for part in line.split(":", 1)) for line in lines if ":" in line
    )
    return fields.get("model name", platform.machine())
