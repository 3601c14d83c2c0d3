"""What pretraining starts from: random weights of a shape, or weights that exist.

Notable choice: where weights exist, what says another shape is refused, not passed over.
"""

from chatwright.errors import BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.hub import RANDOM, weights_folder
from model.language_model import LanguageModel
from model.pretrained import pretrained_config, pretrained_model
from tasks.params import ModelParams

SHAPE = ("hidden_size", "num_layers", "num_heads", "num_key_value_heads", "intermediate_size")


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
    for name in SHAPE:
        if getattr(params, name) is not None:
            raise BadParameter(
                f"model.{name}",
                f"the weights of {params.init} have their own",
                f"Set it to null, or model.init to {RANDOM}",
            )
    return pretrained_config(
        weights_folder(params.init), vocab_size=vocab_size, context_length=context_length
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
