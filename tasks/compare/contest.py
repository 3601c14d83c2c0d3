"""What all rivals of a comparison share: the text, the budget, the choices of training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatwright.errors import BadParameter, CorpusTooSmall
from model.config import RECURRENT, ModelConfig
from model.masking import Masking
from model.options import Training
from model.rows import Rows
from model.tokenizer import ChatTokenizer
from tasks.compare.rivals import (
    ORDER,
    Rival,
    parameters,
)
from tasks.params import Params
from tasks.pretrain_options import pretraining_options
from tasks.thinning import thinned

POINTS = {
    "causal": {"train": "train_loss", "validation": "validation_loss"},
    "masked": {"train": "masked_train_loss", "validation": "masked_validation_loss"},
    # Validation of the mixed one is of next tokens, its training of both kinds.
    "mixed": {"train": "mixed_train_loss", "validation": "validation_loss"},
}
"""What points of the curve are called: the same name means the same thing."""


@dataclass(frozen=True)
class Contest:
    """What all rivals share: the text, the budget, the choices of training."""

    tokens: Path
    ids: ChatTokenizer
    texts: Sequence[str]
    transformer: ModelConfig
    options: Training
    masking: Masking
    work: Path

    @property
    def budget(self) -> int:
        """Tokens of training."""
        return self.options.steps * self.options.batch_size * self.transformer.context_length


def prepared(
    tokens: Path, tokenizer: Path, clean: Path, work: Path, params: Params, budget: int
) -> Contest:
    """Read and check what the comparison needs.

    Args:
        tokens, tokenizer, clean: what the stages pack, tokenizer and preprocess wrote.
        work: a folder of this very comparison.
        budget: tokens of training, for each.

    Raises:
        BadParameter: the model of params.yaml cannot be built, or the tokenizer has no mask token.
        CorpusTooSmall: there is less text than a batch takes, or none held out.
        MissingInput, BadInput: a file is missing or broken.
    """
    rows = Rows(tokens / "train.arrow")
    ids = ChatTokenizer.load(tokenizer)
    if ids.mask_id is None:
        raise BadParameter(
            "artifacts/tokenizer", "it has no mask token", "Build it again: chatwright run"
        )
    choices = params.model.model_dump(exclude={"size", "init"})
    if choices.get("architecture") in RECURRENT:
        choices["architecture"] = None
    transformer = ModelConfig.from_size(
        params.model.size, vocab_size=ids.vocab_size, context_length=rows.context_length, **choices
    )
    chosen = params.pretrain.batch_size
    options = pretraining_options(
        # All are to have the same tokens: none stops early.
        params.pretrain.model_copy(update={"tokens": budget, "patience": None}),
        params.model,
        rows.context_length,
        params.seed,
        batch_size=chosen if isinstance(chosen, int) else None,
    )
    if len(rows) < options.batch_size:
        raise CorpusTooSmall(
            str(tokens / "train.arrow"),
            f"it holds {len(rows):,} rows and one batch takes {options.batch_size:,}",
            "Put more text into corpus/, or lower pretrain.batch_size",
        )
    documents = thinned(clean / "test", params.evaluate.held_out_bytes)
    return Contest(
        tokens,
        ids,
        [document.text for document in documents],
        transformer,
        options,
        Masking.of(ids.mask_id, ids.special_ids, ids.vocab_size),
        work,
    )


def described(contest: Contest, rival: Rival, config: ModelConfig) -> dict[str, Any]:
    """What tells a rival from the others, as parameters of its run and part of its result."""
    shared = {
        "name": rival.name,
        "label": rival.label,
        "objective": rival.objective,
        "batch_size": contest.options.batch_size,
        "tokens": contest.budget,
    }
    if rival.architecture == "ngram":
        return shared | {"architecture": f"{ORDER}-gram"}
    options = contest.options
    return shared | {
        "architecture": config.architecture,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "optimizer": options.optimizer,
        "learning_rate": options.learning_rate,
        "parameters": parameters(config),
    }
