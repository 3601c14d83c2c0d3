"""Where the columns of a batch are while a model is trained: on the accelerator, or beside it.

What decides the shapes of what is computed (where documents begin, which tokens count) stays on the
processor. Asked for these on an accelerator, the processor would wait for all the work in its
queue, and then the accelerator for the processor, in every step.
"""

import torch
from torch import Tensor

STAY = ("position_ids", "is_answer", "is_masked")


def placed(batch: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """A batch from the processor, as a loss on ``device`` takes it."""
    return {
        name: column if name in STAY else to_device(column, device)
        for name, column in batch.items()
    }


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor on ``device``, there in the order of the device's queue: nobody waits for it."""
    if tensor.device == device or device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
