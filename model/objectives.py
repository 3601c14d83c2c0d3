"""What a model is trained for: the next token, or masked ones, within a document.

Notable choices: a small model spends a third of its time on the vocabulary's scores, so the loss
and its gradient are made in one pass, a few hundred tokens at a time: the scores stay in the
processor's cache and are never kept for the backward pass. Only tokens that count are scored, in
pieces of one size, because oneDNN compiles a matrix product anew for each shape. A GPU wants large
pieces and, where there is a compiler, gets what passes over the scores as two kernels.

What a batch's shapes depend on may stand on the processor (model/placing.py).

A batch says by its columns what it is for: with ``is_masked`` (model/masking.py) for those tokens,
otherwise for the next ones. A loss is divided by the tokens that count in the whole of a batch, so
that the parts of a batch add up to it.

Shapes: B rows, T tokens, C width, V vocabulary, N tokens that count.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from model.language_model import LanguageModel
from model.placing import to_device

PIECE_TOKENS = 512
PIECE_SCORES = 2**28
"""On a GPU so many scores are made at a time, about: half a gigabyte in 16 bits."""

Score = Callable[[Tensor, Tensor, int, float, bool], tuple[Tensor, Tensor | None]]
"""As ``score_piece``."""


def batch_loss(
    model: LanguageModel,
    batch: dict[str, Tensor],
    *,
    total: Tensor | int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """The loss of whatever a batch is for: ``masked_token_loss`` or ``next_token_loss``."""
    loss = masked_token_loss if "is_masked" in batch else next_token_loss
    return loss(model, **batch, total=total, label_smoothing=label_smoothing)


def tokens_that_count(batch: dict[str, Tensor]) -> Tensor:
    """How many tokens of a batch are predicted: int64, a scalar on the batch's device."""
    if "is_masked" in batch:
        return batch["is_masked"].sum()
    return _is_predicted(batch["position_ids"], batch.get("is_answer")).sum()


def next_token_loss(
    model: LanguageModel,
    input_ids: Tensor,
    position_ids: Tensor,
    is_answer: Tensor | None = None,
    *,
    total: Tensor | int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy of each token given those before it in its document, in nats.

    Args:
        input_ids, position_ids: int ``(B, T)``; positions restart at 0 where a document begins,
            and a document's first token is given, not predicted.
        is_answer: bool ``(B, T)``, the tokens that count; None: all.
        total: what the sum is divided by; None: the number of tokens that count.
        label_smoothing: see ``cross_entropy``.

    Returns:
        A scalar, float32; 0 where no token counts.
    """
    # The token at t is predicted from the hidden state at t - 1.
    selected = _is_predicted(position_ids, is_answer).nonzero()
    hidden = model.hidden(input_ids, position_ids)
    before = to_device(selected[:, 0] * input_ids.shape[1] + selected[:, 1], hidden.device)
    targets = input_ids.flatten()[before + 1].long()
    return cross_entropy(
        hidden.flatten(0, 1),
        before,
        model.output_weight,
        targets,
        total=total,
        label_smoothing=label_smoothing,
        score=model.score_piece,
    )


def masked_token_loss(
    model: LanguageModel,
    input_ids: Tensor,
    position_ids: Tensor,
    original_ids: Tensor,
    is_masked: Tensor,
    *,
    total: Tensor | int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Mean cross-entropy of masked tokens given those on both sides in their document, in nats.

    Args:
        input_ids, position_ids, original_ids: int ``(B, T)``.
        is_masked: bool ``(B, T)``: at which places ``original_ids`` is to be told.
        total, label_smoothing: as for ``next_token_loss``.

    Returns:
        A scalar, float32; 0 where no token is masked.
    """
    places = is_masked.flatten().nonzero().squeeze(1)
    hidden = model.hidden(input_ids, position_ids, causal=False)
    places = to_device(places, hidden.device)
    return cross_entropy(
        hidden.flatten(0, 1),
        places,
        model.output_weight,
        original_ids.flatten()[places].long(),
        total=total,
        label_smoothing=label_smoothing,
        score=model.score_piece,
    )


def _is_predicted(position_ids: Tensor, is_answer: Tensor | None) -> Tensor:
    """Bool ``(B, T - 1)``: whether the token at t + 1 counts."""
    counts = position_ids > 0
    if is_answer is not None:
        counts = counts & is_answer.bool()
    return counts[:, 1:]


def cross_entropy(
    hidden: Tensor,
    rows: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    total: Tensor | int | None = None,
    label_smoothing: float = 0.0,
    score: Score | None = None,
) -> Tensor:
    """Mean cross-entropy of ``hidden[rows] @ weight.T``, without ever holding all of it.

    Args:
        hidden: ``(*, C)``; its type is that of the matrix products.
        rows: int64 ``(N,)``, which rows of ``hidden`` are scored.
        weight: ``(V, C)``.
        targets: int64 ``(N,)``, the right columns.
        total: what the sum is divided by, at least 1 where it is less; None: N.
        label_smoothing: the share of the right column's probability that is wanted spread evenly
            over all columns (Szegedy et al. 2015, arXiv:1512.00567).
        score: another ``score_piece``, such as a compiled ``score_in_one_pass``.
    """
    count = len(rows)
    piece = piece_tokens(weight.shape[0], hidden.device, count)
    rows, targets = (torch.nn.functional.pad(x, (0, -count % piece)) for x in (rows, targets))
    if isinstance(total, Tensor) and not total.is_cuda:
        total = int(total)
    mean = 1 / (total.clamp_min(1) if isinstance(total, Tensor) else max(1, total or count))
    loss: Tensor = _CrossEntropy.apply(
        hidden, rows, weight, targets, count, mean, label_smoothing, piece, score or score_piece
    )
    return loss


def piece_tokens(vocab_size: int, device: torch.device, count: int) -> int:
    """How many of ``count`` tokens are scored at a time: a multiple of ``PIECE_TOKENS``."""
    if device.type == "cpu":
        return PIECE_TOKENS
    pieces = max(1, -(-count * vocab_size // PIECE_SCORES))
    return max(1, -(-count // (pieces * PIECE_TOKENS))) * PIECE_TOKENS


def score_piece(
    scores: Tensor, right: Tensor, count: int, smoothing: float, wants_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """The summed loss of some tokens, and its gradient with respect to their scores.

    Args:
        scores: ``(N, V)``.
        right: int64 ``(N, 1)``, the right columns.
        count: the first so many tokens count, the others are filling.
        smoothing: as ``label_smoothing`` of ``cross_entropy``.

    Returns:
        float32 scalar; ``(N, V)`` in the type of the scores, None where it is not wanted.
    """
    shares = torch.softmax(scores, -1, dtype=torch.float32)
    counted = shares.gather(1, right)[:count]
    loss = -counted.clamp_min(torch.finfo(torch.float32).tiny).log().sum()
    if smoothing:
        # Towards the mean over all columns: log p = score - log-sum-exp, and the right
        # column's log p, so taken, is in the loss already.
        spread = scores.float().mean(-1) - scores.gather(1, right).float().squeeze(1)
        loss = loss - smoothing * spread[:count].sum()
    if not wants_gradient:
        return loss, None
    # d loss / d scores is the softmax, less 1 at the right column.
    shares.scatter_add_(1, right, shares.new_full(right.shape, smoothing - 1.0))
    if smoothing:
        shares -= smoothing / scores.shape[1]
    shares[count:] = 0
    return loss, shares.to(scores.dtype)


def score_in_one_pass(
    scores: Tensor, right: Tensor, count: int, smoothing: float, wants_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    """As ``score_piece``, written so that a compiler makes few passes over the scores of it."""
    exact = scores.float()
    log_sum = torch.logsumexp(exact, -1, keepdim=True)
    counts = torch.arange(len(scores), device=scores.device)[:, None] < count
    losses = log_sum - exact.gather(1, right)
    if smoothing:
        losses = losses + smoothing * (exact.gather(1, right) - exact.mean(-1, keepdim=True))
    loss = torch.where(counts, losses, 0.0).sum()
    if not wants_gradient:
        return loss, None
    is_right = torch.arange(scores.shape[1], device=scores.device) == right
    wanted = torch.where(is_right, 1.0 - smoothing, 0.0) + smoothing / scores.shape[1]
    d_scores = torch.where(counts, torch.exp(exact - log_sum) - wanted, 0.0)
    return loss, d_scores.to(scores.dtype)


class _CrossEntropy(torch.autograd.Function):
    """The loss and, in the same pass, its gradients; what comes after ``count`` is filling."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        rows: Tensor,
        weight: Tensor,
        targets: Tensor,
        count: int,
        mean: Tensor | float,
        smoothing: float,
        piece_tokens: int,
        score: Score,
    ) -> Tensor:
        wants_gradient = any(ctx.needs_input_grad)
        selected = hidden[rows]
        weight_cast = weight.to(hidden.dtype)
        loss = torch.zeros((), device=hidden.device)
        d_selected = torch.empty_like(selected)
        d_weight = torch.zeros_like(weight)
        for start in range(0, len(rows), piece_tokens):
            piece = slice(start, start + piece_tokens)
            scores = selected[piece] @ weight_cast.T
            counted = min(count - start, piece_tokens)
            piece_loss, d_scores = score(
                scores, targets[piece, None], counted, smoothing, wants_gradient
            )
            loss += piece_loss
            if d_scores is not None:
                torch.mm(d_scores, weight_cast, out=d_selected[piece])
                d_weight += d_scores.T @ selected[piece]
        # Of so small a part of a gradient float16 has no number: it waits for the scaler's factor.
        later = hidden.dtype == torch.float16
        if wants_gradient:
            if not later:
                d_selected *= mean
            d_hidden = torch.zeros_like(hidden).index_add_(0, rows, d_selected)
            ctx.save_for_backward(d_hidden, d_weight.mul_(mean))
            ctx.later = mean if later else 1.0
        return loss * mean

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight = ctx.saved_tensors
        scale = upstream[0]
        d_hidden = d_hidden * (scale * ctx.later).to(d_hidden.dtype)
        return d_hidden, None, d_weight * scale, *[None] * 6
