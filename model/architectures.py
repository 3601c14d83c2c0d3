"""From a config to a model. Each architecture is imported when it is built.

llama, qwen2 and qwen3 are one decoder with other details (model/transformer.py), gpt2 has its own
blocks (model/gpt2.py), rnn and lstm are the line before (model/recurrent.py).
"""

from model.config import ModelConfig
from model.language_model import LanguageModel


def build(config: ModelConfig) -> LanguageModel:
    """The model of a config; its weights are still to be drawn or loaded.

    Example:
        >>> config = ModelConfig.from_size("tiny", vocab_size=512, context_length=64)
        >>> type(build(config)).__name__
        'Transformer'
    """
    if config.architecture in ("rnn", "lstm"):
        from model.recurrent import Recurrent

        return Recurrent(config)
    if config.architecture == "gpt2":
        from model.gpt2 import GPT2

        return GPT2(config)
    from model.transformer import Transformer

    return Transformer(config)
