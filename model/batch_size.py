"""How many rows a step can take: found by trying, in a process of its own.

The rows are doubled, each time with a whole step (forward, backward, update) on random tokens, and
the memory at its highest is read: the process's on a CPU, the allocator's on a GPU. A process of
its own, because memory once taken is not given back, and one that takes too much may be killed.

Notable choices: before each try the last two say what it will take, so that a processor's memory is
not filled to find out that it is full. What is found depends on what is free on the machine now, so
the caller keeps it for the rest of the run.

Not covered: memory that compiling saves; several devices.
"""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import torch

from model.architectures import build
from model.config import ModelConfig
from model.masking import Masking
from model.memory import is_out_of_memory, not_enough_memory
from model.objectives import batch_loss
from model.optim import optimizers
from model.options import Training, uses_bfloat16
from model.placing import placed

FREE_SHARE = {"cpu": 0.5, "cuda": 0.9}
"""Of the memory that is free, how much may be taken: other programs live on a processor's."""


def largest_batch(
    config: ModelConfig, options: Training, most_rows: int, say: Callable[[str], None]
) -> int:
    """The most rows a step that memory holds: a power of two, times ``options.accumulate``.

    Args:
        options: of the run; its ``batch_size`` is not looked at.
        most_rows: more are not tried.
        say: told in one line what was found, and what set the limit.

    Raises:
        NotEnoughMemory: not even one row at a time fits.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else psutil.virtual_memory().available
    limit = int(free * FREE_SHARE[device])
    most_at_once = max(1, most_rows // options.accumulate)
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(
        target=_try_rows, args=(sending, config, options, most_at_once, limit), daemon=True
    )
    process.start()
    sending.close()
    fitting = (0, 0)
    try:
        while True:
            tried = receiving.recv()
            if tried[1] <= limit:
                fitting = tried
    except EOFError:  # it is through, or was killed at its last try
        pass
    finally:
        process.kill()
        process.join()
    rows = fitting[0] * options.accumulate
    if not rows:
        raise not_enough_memory(options)
    bound = "more do not fit" if fitting[0] * 2 <= most_at_once else "the budget asks for no more"
    say(
        f"batch_size auto: {rows:,} rows a step, {fitting[1] / 1e9:.2f} GB of the "
        f"{limit / 1e9:.2f} GB that may be taken; {bound}"
    )
    return rows


def _try_rows(
    answers: Connection, config: ModelConfig, options: Training, most: int, limit: int
) -> None:
    """Send ``(rows, bytes at the highest)`` for 1, 2, 4, ... rows, as long as they fit."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build(config).to(device).train()
    model.init_weights(0)
    model.recompute_layers = options.recompute
    made = optimizers(
        model,
        algorithm=options.optimizer,
        learning_rate=1e-9,
        weight_decay=0.0,
        dtype=torch.bfloat16 if uses_bfloat16(options.precision) else torch.float32,
    )
    masking = Masking.of(0, [0], config.vocab_size)
    rows, before, peak = 1, 0, 0
    while rows <= most and peak + 2 * (peak - before if before else 0) <= limit:
        shape = (rows, config.context_length)
        batch = {
            "input_ids": torch.randint(1, config.vocab_size, shape, dtype=torch.int32),
            "position_ids": torch.arange(config.context_length).expand(shape).int(),
        }
        if options.objective == "masked":
            batch = masking.masked(batch, 0, 0)
        try:
            with torch.autocast(
                device.type,
                torch.float16 if options.precision == "fp16" else torch.bfloat16,
                enabled=options.precision == "fp16" or uses_bfloat16(options.precision),
            ):
                loss = batch_loss(model, placed(batch, device))
            loss.backward()
            for optimizer in made:
                optimizer.step()
                optimizer.zero_grad()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return
        before, peak = peak, _peak_bytes(device)
        answers.send((rows, peak))
        rows *= 2


def _peak_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    # Linux counts in ru_maxrss what the process that started this one had at that moment.
    if (status := Path("/proc/self/status")).exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    # Kilobytes, but bytes on a Mac.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
