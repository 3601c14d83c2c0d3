"""The losses, each against torch's own cross-entropy, values and gradients."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from model import objectives
from model.config import ModelConfig
from model.masking import Masking
from model.objectives import batch_loss, cross_entropy, score_in_one_pass, tokens_that_count
from model.transformer import Transformer

VOCAB, CONTEXT = 50, 12


def new_model() -> Transformer:
    model = Transformer(
        ModelConfig.from_size(
            "tiny", vocab_size=VOCAB, context_length=CONTEXT, hidden_size=32, num_heads=2
        )
    )
    model.init_weights(0, std=0.2)
    return model


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    """Six rows of documents of seven and five tokens; the last ends in three of filling."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.cat([torch.arange(7), torch.arange(5)]).int().repeat(6, 1)
    ids = torch.randint(4, VOCAB, (6, CONTEXT), generator=generator, dtype=torch.int32)
    positions[5, -3:] = 0
    ids[5, -3:] = 0
    return {"input_ids": ids, "position_ids": positions}


@pytest.mark.parametrize("pieces", [512, 7])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_a_smoothed_loss_and_its_gradient_are_torchs(
    pieces: int, smoothing: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objectives, "PIECE_TOKENS", pieces)
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(20, 8, generator=generator), torch.randn(31, 8, generator=generator)]
    rows = torch.tensor([0, 3, 3, 7, 19, 11, 2, 5, 6])
    targets = torch.randint(0, 31, (9,), generator=generator)
    ours = [value.clone().requires_grad_() for value in values]
    theirs = [value.clone().requires_grad_() for value in values]
    loss = cross_entropy(ours[0], rows, ours[1], targets, label_smoothing=smoothing)
    expected = F.cross_entropy(theirs[0][rows] @ theirs[1].T, targets, label_smoothing=smoothing)
    (3 * loss).backward()
    (3 * expected).backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_scored_in_one_pass_loss_and_gradient_are_torchs(
    dtype: torch.dtype, smoothing: float
) -> None:
    generator = torch.Generator().manual_seed(1)
    scores = (3 * torch.randn(6, 40, generator=generator)).to(dtype)
    targets = torch.randint(0, 40, (6,), generator=generator)
    exact = scores.float().requires_grad_()
    # The last two are filling.
    expected = F.cross_entropy(exact[:4], targets[:4], label_smoothing=smoothing, reduction="sum")
    expected.backward()
    loss, gradient = score_in_one_pass(scores, targets[:, None], 4, smoothing, True)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert gradient is not None and gradient.dtype == dtype
    close = 1e-6 if dtype == torch.float32 else 4e-3
    torch.testing.assert_close(gradient.float(), exact.grad, atol=close, rtol=close)
    assert score_in_one_pass(scores, targets[:, None], 4, smoothing, False) == (loss, None)


def test_float16_gradients_wait_for_the_scalers_factor() -> None:
    # A share of 1/4096 of 2^-14 each: as a float16 the product would be 0.
    rows, factor = 4096, 2.0**16
    hidden = torch.zeros(rows, 8, dtype=torch.float16, requires_grad=True)
    weight = torch.zeros(2, 8)
    weight[1] = 2.0**-13
    weight.requires_grad_()
    targets = torch.zeros(rows, dtype=torch.int64)
    loss = cross_entropy(hidden, torch.arange(rows), weight, targets)
    (loss * factor).backward()
    # d loss / d hidden is half of the difference of the two columns, by hand.
    assert hidden.grad is not None
    assert torch.equal(hidden.grad, torch.full_like(hidden, 2.0**-14 * factor / rows))


def test_a_masked_token_is_told_at_its_own_place_from_both_sides(
    batch: dict[str, torch.Tensor],
) -> None:
    made = Masking.of(3, [0, 1, 2], VOCAB).masked(batch, seed=4, number=0)
    assert 3 < made["is_masked"].sum() < 40
    ours, theirs = new_model(), new_model()
    loss = batch_loss(ours, made)
    scores = theirs.logits(theirs.hidden(made["input_ids"], made["position_ids"], causal=False))
    chosen = made["is_masked"]
    expected = F.cross_entropy(scores[chosen], batch["input_ids"][chosen].long())
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


def changed_at(batch: dict[str, torch.Tensor], place: int) -> dict[str, torch.Tensor]:
    ids = batch["input_ids"].clone()
    ids[:, place] = (ids[:, place] + 1) % VOCAB
    return {**batch, "input_ids": ids}


@pytest.mark.parametrize(("causal", "sees"), [(True, False), (False, True)])
def test_only_a_reader_sees_what_comes_later_and_neither_sees_another_document(
    batch: dict[str, torch.Tensor], causal: bool, sees: bool
) -> None:
    model = new_model().eval()

    def hidden(some: dict[str, torch.Tensor]) -> torch.Tensor:
        with torch.no_grad():
            return model.hidden(some["input_ids"], some["position_ids"], causal=causal)

    before, after = hidden(batch), hidden(changed_at(batch, 5))
    assert torch.equal(before[:, :5], after[:, :5]) is not sees
    assert torch.equal(before[:5, 7:], after[:5, 7:])


def marked(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**batch, "is_answer": (torch.arange(6)[:, None] > torch.arange(CONTEXT)).int()}


def masked(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return Masking.of(3, [0, 1, 2], VOCAB).masked(batch, seed=4, number=0)


@pytest.mark.parametrize("kind", [dict, marked, masked])
def test_the_parts_of_a_batch_add_up_to_its_loss_and_gradient(
    batch: dict[str, torch.Tensor], kind: Callable[..., dict[str, torch.Tensor]]
) -> None:
    batch = kind(batch)
    whole, parts = new_model(), new_model()
    loss = batch_loss(whole, batch, label_smoothing=0.1)
    loss.backward()
    total = tokens_that_count(batch)
    summed = 0.0
    for part in (slice(0, 1), slice(1, 6)):  # of as different sizes as can be
        piece = {name: column[part] for name, column in batch.items()}
        part_loss = batch_loss(parts, piece, total=total, label_smoothing=0.1)
        part_loss.backward()
        summed += part_loss.item()
    assert summed == pytest.approx(loss.item(), abs=1e-5)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-6, rtol=1e-4)


def test_tokens_that_count_are_those_after_the_first_of_a_document(
    batch: dict[str, torch.Tensor],
) -> None:
    # 6 of seven and 4 of five in each of six rows; of the last row's second document 1 of five.
    assert tokens_that_count(batch) == 5 * 10 + 7
