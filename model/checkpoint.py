"""Checkpoints of a training run: all it takes to go on as if nothing had happened.

One safetensors file a checkpoint, nothing pickled: weights, both optimizers' tensors, torch's
random states, and, as JSON in its header, the step and the notes of whatever else goes from step to
step. (The schedule and the data's place are functions of the step and of the notes; nothing draws
from Python's or numpy's random numbers.) The file's name holds the hash of its bytes, so that a
damaged one is known before it is used, and the one before it taken.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

KEPT = 2
_NAME = re.compile(r"step-(\d{9})-([0-9a-f]{16})\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """A run after ``step`` steps; ``notes`` is whatever JSON the run keeps beside its tensors."""

    step: int
    tensors: dict[str, Tensor]
    notes: Any


def save_checkpoint(
    folder: Path,
    step: int,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    notes: Any,
) -> Path:
    """Write a checkpoint, whole or not at all, and remove all but the last two.

    Args:
        notes: JSON.
    """
    tensors = {f"model.{name}": tensor for name, tensor in _weights(model).items()}
    for number, optimizer in enumerate(optimizers):
        for parameter, state in optimizer.state_dict()["state"].items():
            for name, tensor in state.items():
                tensors[f"optimizer.{number}.{parameter}.{name}"] = tensor
    tensors["random_state"] = torch.get_rng_state()
    device = next(model.parameters()).device
    if device.type == "cuda":
        tensors["random_state.cuda"] = torch.cuda.get_rng_state(device)
    data = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        # One entry: several would come in an order that changes from run to run.
        metadata={"run": json.dumps({"step": step, "notes": notes})},
    )
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    path = folder / f"step-{step:09d}-{digest}.safetensors"
    partial = folder / "partial"
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        partial.unlink(missing_ok=True)  # on a full disk every byte counts
        raise
    partial.rename(path)
    _sync_folder(folder)
    for old in _checkpoints(folder)[:-KEPT]:
        old.unlink()
    return path


def latest_checkpoint(folder: Path, say: Callable[[str], None]) -> Checkpoint | None:
    """The last checkpoint of a folder that is whole, or None.

    Args:
        say: told in one line of each that is damaged.
    """
    for path in reversed(_checkpoints(folder)):
        data = path.read_bytes()
        named = _NAME.fullmatch(path.name)
        if named and hashlib.blake2b(data, digest_size=8).hexdigest() == named[2]:
            size = int.from_bytes(data[:8], "little")
            run = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["run"])
            return Checkpoint(run["step"], load(data), run["notes"])
        say(f"{path} is damaged: not used. Going on from the one before it, if there is one")
    return None


def discard_checkpoints_after(folder: Path, step: int) -> None:
    """Remove the checkpoints of more than ``step`` steps, where a run goes back."""
    for path in _checkpoints(folder):
        if int(path.name[5:14]) > step:
            path.unlink()
    _sync_folder(folder)


@torch.no_grad()
def restore(
    checkpoint: Checkpoint, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]
) -> None:
    """Put a checkpoint's weights, optimizer states and random states in their places."""
    for name, tensor in _weights(model).items():
        tensor.copy_(checkpoint.tensors[f"model.{name}"])
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        prefix = f"optimizer.{number}."
        for name, tensor in checkpoint.tensors.items():
            if name.startswith(prefix):
                parameter, key = name.removeprefix(prefix).split(".", 1)
                state.setdefault(int(parameter), {})[key] = tensor
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
    torch.set_rng_state(checkpoint.tensors["random_state"])
    device = next(model.parameters()).device
    if device.type == "cuda" and "random_state.cuda" in checkpoint.tensors:
        torch.cuda.set_rng_state(checkpoint.tensors["random_state.cuda"], device)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """Each tensor once, by the first of its names: layers may share theirs."""
    seen: set[int] = set()
    found = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            found[name] = tensor
    return found


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _sync_folder(folder: Path) -> None:
    """See to it that new and removed names outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
