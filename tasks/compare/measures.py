"""What the rivals are measured by, on the same held-out texts.

Bits per byte of a model that writes is what tasks/evaluate measures. The n-gram model has the same,
from the whole of a document rather than from windows, since it looks back only a few tokens.

A model of masked tokens gives no probability of a text: what it says of one token takes all others,
later ones too, as given. Masking each token in turn (the pseudo-likelihood of Salazar et al. 2020,
arXiv:1910.14659) would take a pass a token; here 15 % are masked at once, so that a little of what
stands around each is missing. Its pseudo-bits per byte compares such models with each other only.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from model.data import in_order
from model.language_model import LanguageModel
from model.masking import VALIDATION_SEED, Masking
from model.ngram import KneserNey
from model.rows import Rows
from model.tokenizer import ChatTokenizer
from tasks.evaluate.language_model import BitsPerByte, score
from tasks.pack import write_packed

ROWS_AT_ONCE = 16


class MaskedScore(NamedTuple):
    """How well masked tokens are told.

    Attributes:
        accuracy: the share of them whose likeliest token is the right one.
        pseudo_bits_per_byte: the mean bits of one, times the tokens of the texts, their ends
            included, divided by their bytes.
        tokens: that were masked.
    """

    accuracy: float
    pseudo_bits_per_byte: float
    tokens: int


def ngram_bits_per_byte(
    model: KneserNey, tokenizer: ChatTokenizer, texts: Sequence[str]
) -> BitsPerByte:
    """Score an n-gram model on texts, the end of each included.

    Raises:
        CorpusTooSmall: there is no text.
    """
    end = tokenizer.end_of_text_id
    documents = [[end, *ids, end] for ids in tokenizer.encode_batch(texts)]
    line = np.array([[token for ids in documents for token in ids]])
    positions = np.array([[place for ids in documents for place in range(len(ids))]])
    nats = -float(model.log_probabilities(line, positions).sum())
    return score(nats / math.log(2), line.size - len(documents), texts)


@torch.inference_mode()
def masked_score(
    model: LanguageModel,
    tokenizer: ChatTokenizer,
    texts: Sequence[str],
    masking: Masking,
    scratch: Path,
) -> MaskedScore:
    """Score a model that sees both sides on texts of which 15 % of the tokens are masked.

    All of those are replaced by the mask token: one that stood there unchanged would tell itself.

    Args:
        scratch: a file to pack the texts into.

    Raises:
        CorpusTooSmall: there is no text.
    """
    model.eval()
    end = tokenizer.end_of_text_id
    encoded = tokenizer.encode_batch(texts)
    write_packed(
        scratch, (([end, *ids, end], None) for ids in encoded), model.config.context_length, end
    )
    nats, right, tokens = 0.0, 0, 0
    for number, batch in enumerate(in_order(Rows(scratch), ROWS_AT_ONCE)):
        chosen = masking.masked(batch, VALIDATION_SEED, number)["is_masked"]
        inputs = batch["input_ids"].masked_fill(chosen, masking.mask_id)
        hidden = model.hidden(inputs, batch["position_ids"], causal=False)
        logits = model.logits(hidden[chosen]).float()
        targets = batch["input_ids"][chosen].long()
        nats += F.cross_entropy(logits, targets, reduction="sum").item()
        right += int((logits.argmax(-1) == targets).sum())
        tokens += len(targets)
    all_tokens = sum(len(ids) + 1 for ids in encoded)
    bits = nats / max(1, tokens) / math.log(2) * all_tokens
    return MaskedScore(right / max(1, tokens), score(bits, all_tokens, texts).bits_per_byte, tokens)
