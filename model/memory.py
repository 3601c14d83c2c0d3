"""When memory runs out: whether an error means that, and what to lower, and to what."""

import torch

from chatwright.errors import NotEnoughMemory
from model.options import Training

# How torch's allocator for processors and oneDNN say it; they raise plain RuntimeErrors.
_SAID = ("not enough memory", "can't allocate memory", "DefaultCPUAllocator", "out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory left."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)


def not_enough_memory(options: Training) -> NotEnoughMemory:
    """The sentence for a run whose steps do not fit."""
    section, parts = options.section, options.accumulate
    at_once = -(-options.batch_size // parts)
    where = f"{section}.batch_size"
    if at_once == 1:
        return NotEnoughMemory(
            where,
            "even one row at a time does not fit into memory",
            f"Set {section}.recompute to true, or lower pack.context_length to half",
        )
    return NotEnoughMemory(
        where,
        f"{at_once} rows at a time do not fit into memory",
        f"Set {section}.accumulate to {parts * 2}: {-(-options.batch_size // (parts * 2))} rows "
        f"at a time, and the same result; or lower {where} to {options.batch_size // 2}",
    )
