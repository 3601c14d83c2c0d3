"""What pretraining starts from: random weights of a shape, or weights that exist.

Notable choice: where weights exist, what says another shape is refused, not passed over.
"""

from dataclasses import replace
from pathlib import Path

from chatwright.errors import BadInput, BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.hub import RANDOM, weights_folder
from model.language_model import LanguageModel
from model.pretrained import pretrained_config, pretrained_model
from model.rows import Rows
from tasks.params_training import ModelParams

FREE = ("init", "size", "dropout")
"""The keys that have a meaning beside weights that exist; ``size`` still sets the rows a step."""


def initial_config(params: ModelParams, *, vocab_size: int, context_length: int) -> ModelConfig:
    """The config of the model that training starts from.

    Args:
        vocab_size: of the tokenizer.
        context_length: of the rows.

    Raises:
        BadParameter: sizes do not fit each other, or are asked for beside weights that exist.
        MissingInput, BadInput, ServiceUnavailable: the weights cannot be had or read.
    """
    if params.init == RANDOM:
        return ModelConfig.from_size(
            params.size,
            vocab_size=vocab_size,
            context_length=context_length,
            **params.model_dump(exclude={"size", "init"}),
        )
    check_beside_weights(params)
    config = pretrained_config(
        weights_folder(params.init), vocab_size=vocab_size, context_length=context_length
    )
    return replace(config, dropout=params.dropout)


def check_beside_weights(params: ModelParams) -> None:
    """Refuse what says another shape than weights that exist.

    Raises:
        BadParameter: names the first such key.
    """
    if params.init == RANDOM:
        return
    usual = {None: "null", True: "true", False: "false"}
    for name, field in ModelParams.model_fields.items():
        if name not in FREE and getattr(params, name) != field.default:
            raise BadParameter(
                f"model.{name}",
                f"the weights of {params.init} have their own",
                f"Set it to {usual.get(field.default, field.default)}, or model.init to {RANDOM}",
            )


def initial_model(params: ModelParams, config: ModelConfig, seed: int) -> LanguageModel:
    """The model that training starts from.

    Args:
        config: what ``initial_config`` gave.
        seed: of the random weights.

    Raises:
        MissingInput, BadInput, ServiceUnavailable: the weights cannot be had or read.
    """
    if params.init != RANDOM:
        return pretrained_model(weights_folder(params.init), config)
    model = build(config)
    # Blocks that start as the identity; Muon brings them up to size within a few steps.
    model.init_weights(seed, zero_outputs=True)
    return model


def check_ids(path: Path, rows: Rows, vocab_size: int) -> None:
    """Refuse rows that another tokenizer made.

    Raises:
        BadInput: an id is beyond the vocabulary.
    """
    if (largest := rows.largest_id()) >= vocab_size:
        raise BadInput(
            str(path),
            f"holds the token id {largest:,}, beyond the tokenizer's vocabulary of {vocab_size:,}",
            "Run: chatwright run",
        )
