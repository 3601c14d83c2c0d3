"""Runs a measurement with as many cores as are to be had, first one, then two."""

import os
from collections.abc import Iterator


def one_and_two() -> Iterator[int]:
    """1, then 2, where there are two; this process and its children have so many meanwhile."""
    all_cores = sorted(os.sched_getaffinity(0))
    try:
        for cores in (1, 2)[: len(all_cores)]:
            os.sched_setaffinity(0, all_cores[:cores])
            yield cores
    finally:
        os.sched_setaffinity(0, all_cores)
