"""Writing text: one token at a time, what the model made of each kept for those that follow.

Notable choices: ``generate`` is an iterator, so a reply streams as it is made and stops costing
anything the moment its reader closes it. Scores are changed in the order that transformers' own
``generate`` does it (repetition, temperature, top-k, top-p), so that settings mean the same.

Shapes: V vocabulary.
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from chatwright.errors import BadInput, BadParameter
from model.language_model import LanguageModel


def generate(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    *,
    max_new_tokens: int,
    temperature: float = 0.0,
    top_p: float = 1.0,
    top_k: int = 0,
    repetition_penalty: float = 1.0,
    stop_ids: Collection[int] = (),
    seed: int | None = None,
) -> Iterator[int]:
    """Continue a prompt; yields each new id as it is made.

    It ends after ``max_new_tokens``, where prompt and reply together fill the model's context, or
    before a stop id (which is not yielded). Closing the iterator stops computing.

    Args:
        temperature: 0 takes the likeliest token; else scores are divided by it and drawn from.
        top_p: draw from the likeliest tokens that together have this share (Holtzman et al. 2020,
            arXiv:1904.09751).
        top_k: draw from so many of the likeliest tokens; 0 from all.
        repetition_penalty: scores of tokens already there are divided by it (multiplied where
            negative; Keskar et al. 2019, arXiv:1909.05858). 1 changes nothing.
        seed: the same seed, prompt and settings draw the same tokens; None differs each time.

    Raises:
        BadParameter: a setting out of range.
        BadInput: the prompt is empty, does not fit the context, or has ids the model does not.
    """
    for name, value, fits, range_ in (
        ("max_new_tokens", max_new_tokens, max_new_tokens >= 0, "0 or more"),
        ("temperature", temperature, temperature >= 0, "0 or more"),
        ("top_p", top_p, 0 < top_p <= 1, "above 0 and at most 1"),
        ("top_k", top_k, top_k >= 0, "0 or more"),
        ("repetition_penalty", repetition_penalty, repetition_penalty > 0, "above 0"),
    ):
        if not fits:
            raise BadParameter(name, f"{value} cannot be used", f"It must be {range_}")
    context_length = model.config.context_length
    if not prompt_ids:
        raise BadInput("prompt", "is empty", "Begin it with the end-of-text token, at least")
    if len(prompt_ids) > context_length:
        raise BadInput(
            "prompt",
            f"{len(prompt_ids)} tokens do not fit the model's context of {context_length}",
            "Shorten it",
        )
    if min(prompt_ids) < 0 or max(prompt_ids) >= model.config.vocab_size:
        raise BadInput("prompt", f"has ids outside the vocabulary of {model.config.vocab_size}")
    limit = min(max_new_tokens, context_length - len(prompt_ids))
    decoder = _Decoder(
        model,
        prompt_ids,
        len(prompt_ids) + limit,
        temperature,
        top_p,
        top_k,
        repetition_penalty,
        seed,
    )
    return _until_stopped(decoder, limit, frozenset(stop_ids))


def _until_stopped(decoder: "_Decoder", limit: int, stop_ids: frozenset[int]) -> Iterator[int]:
    for _ in range(limit):
        token = decoder.next_token()
        if token in stop_ids:
            return
        yield token


class _Decoder:
    """A prompt being continued: the cache, the tokens not yet in it, and how to choose."""

    def __init__(
        self,
        model: LanguageModel,
        prompt_ids: Sequence[int],
        capacity: int,
        temperature: float,
        top_p: float,
        top_k: int,
        repetition_penalty: float,
        seed: int | None,
    ) -> None:
        self._model = model
        self._temperature, self._top_p, self._top_k = temperature, top_p, top_k
        self._repetition_penalty = repetition_penalty
        device = model.output_weight.device
        self._new = torch.tensor([list(prompt_ids)], device=device)
        self._seen = self._new[0].unique()
        self._cache = model.new_cache(capacity=capacity)
        self._generator = torch.Generator(device)
        if seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(seed)

    # Not around the whole iteration: the mode would leak into the reader's code between tokens.
    @torch.inference_mode()
    def next_token(self) -> int:
        """Feed the tokens not yet seen, choose the next."""
        hidden = self._model.hidden(self._new, cache=self._cache)
        scores = self._model.logits(hidden[:, -1])[0].float()
        if self._repetition_penalty != 1:
            before = scores[self._seen]
            scores[self._seen] = torch.where(
                before > 0, before / self._repetition_penalty, before * self._repetition_penalty
            )
        chosen = self._drawn(scores) if self._temperature else scores.argmax()
        self._new = chosen.view(1, 1)
        if self._repetition_penalty != 1:
            self._seen = torch.cat([self._seen, chosen.view(1)]).unique()
        return int(chosen)

    def _drawn(self, scores: Tensor) -> Tensor:
        scores = scores / self._temperature
        if self._top_k:
            least = scores.topk(min(self._top_k, scores.numel())).values[-1]
            scores = scores.masked_fill(scores < least, -torch.inf)
        shares = scores.softmax(-1)
        if self._top_p < 1:
            ordered, ids = shares.sort(descending=True, stable=True)
            before = ordered.cumsum(-1) - ordered
            shares = torch.zeros_like(shares).scatter_(
                0, ids, ordered.masked_fill_(before >= self._top_p, 0.0)
            )
        return torch.multinomial(shares, 1, generator=self._generator)
