"""What a model is trained for: the next token, within a document.

Notable choices: a small model spends a third of its time on the vocabulary's scores, so the loss
and its gradient are made in one pass, a few hundred tokens at a time: the scores stay in the
processor's cache and are never kept for the backward pass. Only tokens that count are scored, in
pieces of one size, because oneDNN compiles a matrix product anew for each shape.

Shapes: B rows, T tokens, C width, V vocabulary, N tokens that count.
"""

from typing import Any

import torch
from torch import Tensor

from model.transformer import Transformer

PIECE_TOKENS = 512


def next_token_loss(
    model: Transformer, input_ids: Tensor, position_ids: Tensor, is_answer: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy of each token given those before it in its document, in nats.

    Args:
        input_ids, position_ids: int ``(B, T)``; positions restart at 0 where a document begins,
            and a document's first token is given, not predicted.
        is_answer: bool ``(B, T)``, the tokens that count; None: all.

    Returns:
        A scalar, float32; 0 where no token counts.
    """
    counts = position_ids > 0
    if is_answer is not None:
        counts = counts & is_answer
    # The token at t is predicted from the hidden state at t - 1.
    selected = counts[:, 1:].nonzero()
    hidden = model.hidden(input_ids, position_ids)
    before = selected[:, 0] * input_ids.shape[1] + selected[:, 1]
    targets = input_ids.flatten()[before + 1].long()
    weight = (model.model.embed_tokens if model.lm_head is None else model.lm_head).weight
    return cross_entropy(hidden.flatten(0, 1), before, weight, targets)


def cross_entropy(hidden: Tensor, rows: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of ``hidden[rows] @ weight.T``, without ever holding all of it.

    Args:
        hidden: ``(*, C)``; its type is that of the matrix products.
        rows: int64 ``(N,)``, which rows of ``hidden`` are scored.
        weight: ``(V, C)``.
        targets: int64 ``(N,)``, the right columns.
    """
    count = len(rows)
    missing = -count % PIECE_TOKENS
    rows, targets = (torch.nn.functional.pad(x, (0, missing)) for x in (rows, targets))
    loss: Tensor = _CrossEntropy.apply(hidden, rows, weight, targets, count)
    return loss


class _CrossEntropy(torch.autograd.Function):
    """The loss and, in the same pass, its gradients; what comes after ``count`` is filling."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, rows: Tensor, weight: Tensor, targets: Tensor, count: int
    ) -> Tensor:
        wants_gradient = any(ctx.needs_input_grad)
        selected = hidden[rows]
        weight_cast = weight.to(hidden.dtype)
        loss = torch.zeros((), device=hidden.device)
        d_selected = torch.empty_like(selected)
        d_weight = torch.zeros_like(weight)
        for start in range(0, len(rows), PIECE_TOKENS):
            piece = slice(start, start + PIECE_TOKENS)
            right = targets[piece, None]
            shares = torch.softmax(selected[piece] @ weight_cast.T, -1, dtype=torch.float32)
            counted = shares.gather(1, right)[: count - start]
            loss -= counted.clamp_min(torch.finfo(torch.float32).tiny).log().sum()
            if not wants_gradient:
                continue
            # d loss / d scores is the softmax, less 1 at the right column.
            shares.scatter_add_(1, right, shares.new_full(right.shape, -1.0))
            shares[count - start :] = 0
            d_scores = shares.to(hidden.dtype)
            torch.mm(d_scores, weight_cast, out=d_selected[piece])
            d_weight += d_scores.T @ selected[piece]
        mean = 1 / max(1, count)
        if wants_gradient:
            d_selected *= mean
            d_hidden = torch.zeros_like(hidden).index_add_(0, rows, d_selected)
            ctx.save_for_backward(d_hidden, d_weight.mul_(mean))
        return loss * mean

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, Tensor, None, None]:
        d_hidden, d_weight = ctx.saved_tensors
        scale = upstream[0]
        return d_hidden * scale.to(d_hidden.dtype), None, d_weight * scale, None, None
