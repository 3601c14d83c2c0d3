"""The same bits from a GPU each time, for what they cost."""

import contextlib
from collections.abc import Iterator

import torch
from torch.utils import deterministic


@contextlib.contextmanager
def same_bits_each_time() -> Iterator[None]:
    """While this lasts, only kernels that add in one order; some are slower.

    cuBLAS wants ``CUBLAS_WORKSPACE_CONFIG``, too, which chatwright/environment.py sets.
    """
    before = torch.are_deterministic_algorithms_enabled()
    fills: bool = deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)
    # It would write into all new memory, to show who reads what was never written.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
