"""What pretraining starts from: random weights of a shape that params.yaml gives, or a checkpoint.

Notable choice: a checkpoint brings its shape and its tokenizer, so that what params.yaml says of
the shape is refused then, not passed over.
"""

from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatwright.errors import BadInput, BadParameter
from model.config import ModelConfig
from model.hf_config import CONFIG, model_config, read_json
from model.hub import checkpoint_folder
from tasks.params import ModelParams

if TYPE_CHECKING:
    from model.language_model import LanguageModel
    from model.rows import Rows

RANDOM = "random"
FREE = ("init", "size", "dropout")
"""The keys of ``model`` that have a meaning beside a checkpoint."""


def planned_config(params: ModelParams, vocab_size: int, context_length: int) -> ModelConfig:
    """The config of the model that training starts with.

    Args:
        vocab_size: what the tokenizer needs.
        context_length: of the rows.

    Raises:
        BadParameter: the parameters do not fit each other or the checkpoint.
        BadInput, MissingInput: the checkpoint cannot be used.
    """
    if params.init == RANDOM:
        return ModelConfig.from_size(
            params.size,
            vocab_size=vocab_size,
            context_length=context_length,
            **params.model_dump(exclude={"init", "size"}),
        )
    for name, field in ModelParams.model_fields.items():
        value = getattr(params, name)
        if name not in FREE and value != field.default:
            raise BadParameter(
                f"params.yaml, model.{name}",
                f"{value!r} cannot be chosen: the shape comes with the weights of {params.init}",
                f"Set it back to {_yaml(field.default)}, or model.init to {RANDOM}",
            )
    path = checkpoint_folder(params.init, weights=False) / CONFIG
    config = model_config(read_json(path), path)
    if context_length > config.context_length:
        raise BadParameter(
            "params.yaml, pack.context_length",
            f"{context_length:,} tokens are more than the {config.context_length:,} that "
            f"{params.init} has positions for",
            "Lower it",
        )
    wanted = max(config.vocab_size, vocab_size)
    return replace(config, vocab_size=wanted, dropout=params.dropout)


def initial_model(
    params: ModelParams, config: ModelConfig, tokenizer: Path, seed: int
) -> "LanguageModel":
    """The model that training starts with, in float32.

    Args:
        config: from ``planned_config``.
        tokenizer: the folder that the tokenizer stage wrote.

    Raises:
        BadInput: the checkpoint's weights do not fit its config, are quantized, or its tokenizer
            is another.
    """
    if params.init == RANDOM:
        from model.architectures import build

        model = build(config)
        # Blocks that start as the identity; Muon brings them up to size within a few steps.
        model.init_weights(seed, zero_outputs=True)
        return model
    import torch

    from model.hf import load_pretrained
    from model.vocabulary import with_new_tokens

    folder = checkpoint_folder(params.init, weights=True)
    added = added_ids(folder, tokenizer)
    if "quantization_config" in read_json(folder / CONFIG):
        raise BadInput(
            str(folder), "its weights are int8, which cannot be trained", "Take the original"
        )
    model = load_pretrained(folder, dtype=torch.float32)
    return with_new_tokens(model, config, added)


def added_ids(folder: Path, tokenizer: Path) -> Set[int]:
    """The ids that a tokenizer has beyond those of the checkpoint that it was taken from.

    Raises:
        BadInput: it was not: a token of the checkpoint's has another id, or none.
    """
    from model.tokenizer import read_tokenizer

    theirs, ours = (
        read_tokenizer(place).get_vocab(with_added_tokens=True) for place in (folder, tokenizer)
    )
    if not theirs.items() <= ours.items():
        raise BadInput(str(tokenizer), f"is not the tokenizer of {folder}", "Run: chatwright run")
    return set(ours.values()) - set(theirs.values())


def check_ids(rows: "Rows", path: Path, vocab_size: int) -> None:
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


def _yaml(value: object) -> str:
    return {None: "null", True: "true", False: "false"}.get(value, str(value))  # type: ignore[call-overload]
