"""From a config to a model; for now of one architecture."""

from model.config import ModelConfig
from model.language_model import LanguageModel


def build(config: ModelConfig) -> LanguageModel:
    """The untrained model of a config."""
    return LanguageModel(config)
