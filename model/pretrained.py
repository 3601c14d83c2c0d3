"""Weights that exist, as the start of training.

Notable choices: architecture and shape are the checkpoint's. Training is in float32 whatever the
file holds. A tokenizer to which tokens were added finds rows for them that are the mean of all
others (Hewitt 2021, https://nlp.stanford.edu/~johnhew/vocab-expansion.html), so that a new token is
at first no likelier than any other.
"""

from dataclasses import replace
from pathlib import Path

import torch

from chatwright.errors import BadInput, BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.hf import load_pretrained
from model.hf_config import CONFIG, model_config, read_json
from model.language_model import LanguageModel


def pretrained_config(folder: Path, *, vocab_size: int, context_length: int) -> ModelConfig:
    """The config of a checkpoint, with room for a tokenizer of ``vocab_size`` ids.

    Raises:
        MissingInput, BadInput: it cannot be read, or is of an architecture that is not there.
        BadParameter: its context is shorter than ``context_length``.
    """
    tree = read_json(folder / CONFIG)
    if "quantization_config" in tree:
        raise BadInput(
            str(folder), "its weights are quantized", "Take the folder that it was made from"
        )
    config = model_config(tree, folder / CONFIG)
    if context_length > config.context_length:
        raise BadParameter(
            "pack.context_length",
            f"{context_length} is more than the {config.context_length} tokens that {folder} takes",
            f"Take {config.context_length} or less",
        )
    return replace(config, vocab_size=max(vocab_size, config.vocab_size))


@torch.no_grad()
def pretrained_model(folder: Path, config: ModelConfig) -> LanguageModel:
    """The checkpoint's model in float32, with the vocabulary and dropout of ``config``.

    Args:
        config: what ``pretrained_config`` gave, with any dropout.

    Raises:
        MissingInput, BadInput: as ``load_pretrained``.
    """
    found = load_pretrained(folder, dtype=torch.float32)
    if found.config == config:
        return found
    state = found.state_dict()
    model = build(config)
    for name, wanted in model.state_dict().items():
        missing = wanted.shape[0] - state[name].shape[0] if wanted.dim() else 0
        if missing:
            mean = state[name].mean(0, keepdim=True)
            state[name] = torch.cat([state[name], mean.expand(missing, -1)])
    model.load_state_dict(state)
    return model.eval()
