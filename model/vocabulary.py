"""Room in a model for tokens that its tokenizer got later.

Notable choice: a new token starts as the mean of all others. Its score is then about their average,
where a random row would take probability from all of them (Hewitt 2021,
https://nlp.stanford.edu/~johnhew/vocab-expansion.html).
"""

from collections.abc import Collection

import torch

from model.architectures import build
from model.config import ModelConfig
from model.language_model import LanguageModel

TABLES = ("embed_tokens.weight", "wte.weight", "lm_head.weight")


@torch.no_grad()
def with_new_tokens(
    model: LanguageModel, config: ModelConfig, new_ids: Collection[int]
) -> LanguageModel:
    """The weights of a model under a config with a vocabulary that is as large or larger.

    Args:
        model: not to be used afterwards: memory is shared.
        config: differs from the model's in ``vocab_size`` and ``dropout`` at most.
        new_ids: whose rows become the mean; those beyond the old vocabulary do in any case.
    """
    state = model.state_dict()
    for name in [name for name in state if name.endswith(TABLES)]:
        old = state[name]
        mean = old.float().mean(0).to(old.dtype)
        table = mean.repeat(config.vocab_size, 1)
        table[: len(old)] = old
        table[list(new_ids)] = mean
        state[name] = table
    with torch.device("meta"):
        result = build(config)
    result.load_state_dict(state, assign=True)
    result.compute_buffers()
    return result
