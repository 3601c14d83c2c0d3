"""The choices of a training run, and which of them cannot be had here."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from chatwright.errors import BadParameter
from model.bfloat16 import is_native
from model.masking import Masking, Objective
from model.optim import Algorithm
from model.schedule import Schedule

Strategy = Literal["ddp", "fsdp"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]
KNOWN = {
    "optimizer": get_args(Algorithm),
    "schedule": get_args(Schedule),
    "precision": get_args(Precision),
    "objective": get_args(Objective),
    "strategy": get_args(Strategy),
}
LightningPrecision = Literal["bf16-mixed", "16-mixed", "32-true"]


@dataclass(frozen=True)
class Training:
    """The choices of a training run; params.yaml says what to make of them.

    ``batch_size`` is in rows a step, which go through the model in ``accumulate`` parts;
    ``warmup_share`` is the share of the steps that the learning rate climbs; gradients longer than
    ``clip_norm`` are cut to that length; ``patience`` is how many validations without a better
    loss end the run; a loss above ``spike_factor`` times what it was of late is a bad step.
    ``deterministic`` is of GPUs: a processor always is.
    ``batch_size`` is of all ``devices`` of all ``num_nodes`` together (model/devices.py), each of
    which has the whole model (``ddp``) or a part of it (``fsdp``, model/sharding.py).
    ``section`` is the part of params.yaml that errors name.
    """

    steps: int
    batch_size: int
    seed: int
    learning_rate: float
    optimizer: Algorithm = "muon"
    weight_decay: float = 0.1
    schedule: Schedule = "linear"
    warmup_share: float = 0.02
    decay_share: float = 0.3
    decay_factor: float = 0.1
    clip_norm: float | None = 1.0
    label_smoothing: float = 0.0
    accumulate: int = 1
    precision: Precision = "auto"
    recompute: bool = False
    compile: bool = False
    deterministic: bool = True
    spike_factor: float | None = 3.0
    patience: int | None = None
    checkpoint_seconds: float = 30.0
    objective: Objective = "causal"
    masked_share: float = 0.5
    devices: int | Literal["auto"] = 1
    num_nodes: int = 1
    strategy: Strategy = "ddp"
    section: str = "pretrain"


def check(options: Training, *, masking: Masking | None, validates: bool) -> None:
    """Refuse what cannot be had, before anything is read.

    Args:
        masking: what the vocabulary has for masked tokens, if it has.
        validates: whether there are rows to validate on.

    Raises:
        BadParameter: a choice that this machine, this vocabulary or these rows do not allow.
    """
    section = options.section
    for name, known in KNOWN.items():
        if (chosen := getattr(options, name)) not in known:
            raise BadParameter(
                f"{section}.{name}", f"there is no {chosen!r}", f"Take one of {', '.join(known)}"
            )
    if options.precision == "fp16" and not torch.cuda.is_available():
        raise BadParameter(
            f"{section}.precision",
            "fp16 needs a GPU and this machine has none",
            "Take auto, bf16 or fp32",
        )
    if options.accumulate > options.batch_size:
        raise BadParameter(
            f"{section}.accumulate",
            f"{options.batch_size} rows cannot be split into {options.accumulate} parts",
            f"Take {options.batch_size} or less",
        )
    if options.objective != "causal" and masking is None:
        raise BadParameter(
            f"{section}.objective",
            f"{options.objective} needs a mask token and this tokenizer has none",
            "Take causal, or build the tokenizer again",
        )
    if options.patience is not None and not validates:
        raise BadParameter(
            f"{section}.patience",
            "there is no validation text to see an improvement on",
            "Raise preprocess.validation_share, or set it to null",
        )


def lightning_precision(precision: Precision) -> LightningPrecision:
    """What Lightning calls it."""
    if precision == "fp16":
        return "16-mixed"
    return "bf16-mixed" if uses_bfloat16(precision) else "32-true"


def uses_bfloat16(precision: Precision) -> bool:
    """Whether to train in bfloat16: as told, or where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bf16"
    return is_native("cuda" if torch.cuda.is_available() else "cpu")
