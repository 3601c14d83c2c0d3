"""Who takes part in the comparison, and how large each is.

The Transformer is the one of params.yaml. The others are made as large as it is: their width is
solved for, a multiple of 8 where one comes near enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch

from chatwright.errors import BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.masking import Objective

ORDER = 5
"""Of the n-grams."""

RECURRENT_LAYERS = {"rnn": 2, "lstm": 1}
"""What learns best from so little text: a second layer sets an LSTM back (docs/comparison.md)."""

WIDTH_STEPS = (8, 1)
CLOSE = 0.05
"""By how much, of the Transformer's, the parameters of another may differ."""


@dataclass(frozen=True)
class Rival:
    """One that takes part; ``architecture`` None is the Transformer's own."""

    name: str
    label: str
    architecture: Literal["ngram", "rnn", "lstm"] | None = None
    objective: Objective = "causal"


RIVALS = (
    Rival("ngram", f"{ORDER}-gram", "ngram"),
    Rival("rnn", "RNN", "rnn"),
    Rival("lstm", "LSTM", "lstm"),
    Rival("causal", "causal Transformer"),
    Rival("masked", "masked Transformer", objective="masked"),
    Rival("mixed", "mixed Transformer", objective="mixed"),
)


def rival_config(rival: Rival, transformer: ModelConfig) -> ModelConfig:
    """The config of a rival; the n-gram model, which has none, is given the Transformer's.

    Raises:
        BadParameter: none as large as the Transformer can be made.
    """
    architecture = rival.architecture
    if architecture is None or architecture == "ngram":
        return transformer

    def of_width(width: int) -> ModelConfig:
        return replace(
            transformer,
            architecture=architecture,
            hidden_size=width,
            num_layers=RECURRENT_LAYERS[architecture],
            num_heads=1,
            num_key_value_heads=1,
            head_dim=width,
            intermediate_size=width,
            share_layers=False,
        )

    wanted = parameters(transformer)
    for step in WIDTH_STEPS:
        config = of_width(nearest_width(lambda width: parameters(of_width(width)), wanted, step))
        if abs(parameters(config) - wanted) <= CLOSE * wanted:
            return config
    raise BadParameter(
        "model.size",
        f"no {architecture} has about {wanted:,} parameters: the nearest, "
        f"{config.hidden_size} wide, has {parameters(config):,}",
        "Take a larger one",
    )


def nearest_width(size: Callable[[int], int], wanted: int, step: int = 1) -> int:
    """The multiple of ``step`` whose size comes nearest.

    Args:
        size: grows with the width.

    Example:
        >>> nearest_width(lambda width: width * width, 1_000, step=8)
        32
    """
    low, high = 0, 1
    while size(high * step) < wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle * step) < wanted else (low, middle)
    if low and wanted - size(low * step) < size(high * step) - wanted:
        return low * step
    return high * step


def parameters(config: ModelConfig) -> int:
    """How many numbers a model learns, counted without making them."""
    with torch.device("meta"):
        model = build(config)
    return sum(parameter.numel() for parameter in model.parameters())
