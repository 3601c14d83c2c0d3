"""RNN and LSTM: torch's own numbers, and nothing of one document in the next."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from chatwright.errors import BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.generation import generate
from model.language_model import LanguageModel
from model.objectives import next_token_loss

DOCUMENTS = [[5, 6, 7, 8], [9, 10], [11, 12, 13]]


def recurrent(architecture: str, **choices: object) -> LanguageModel:
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=40,
        context_length=16,
        architecture=architecture,
        **{"hidden_size": 24, "num_layers": 2, "num_heads": 2} | choices,
    )
    model = build(config)
    model.init_weights(seed=3, std=0.3)
    return model


def packed() -> tuple[Tensor, Tensor]:
    """Two rows: the first two documents, and the third with filling."""
    ids = torch.tensor([DOCUMENTS[0] + DOCUMENTS[1], [*DOCUMENTS[2], 0, 0, 0]])
    return ids, torch.tensor([[0, 1, 2, 3, 0, 1], [0, 1, 2, 0, 0, 0]])


@pytest.fixture(params=["rnn", "lstm"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return recurrent(request.param)


@pytest.mark.parametrize("gradients", [True, False])
def test_a_document_is_read_in_a_row_as_it_is_alone(model: LanguageModel, gradients: bool) -> None:
    with torch.set_grad_enabled(gradients):
        ids, positions = packed()
        hidden = model.hidden(ids, positions)
        places = [hidden[0, :4], hidden[0, 4:6], hidden[1, :3]]
        for document, place in zip(DOCUMENTS, places, strict=True):
            alone = model.hidden(torch.tensor([document]))[0]
            torch.testing.assert_close(place, alone, atol=1e-6, rtol=1e-5)


def test_another_document_before_it_changes_nothing_of_one(model: LanguageModel) -> None:
    ids, positions = packed()
    before = model.hidden(ids, positions)
    ids[0, :4] = 30
    after = model.hidden(ids, positions)
    assert torch.equal(before[0, 4:], after[0, 4:])
    assert not torch.allclose(before[0, :4], after[0, :4])


def test_a_later_token_changes_nothing_of_an_earlier_one(model: LanguageModel) -> None:
    ids, positions = packed()
    before = model.hidden(ids, positions)
    ids[0, 3] = 30
    after = model.hidden(ids, positions)
    assert torch.equal(before[0, :3], after[0, :3]) and not torch.equal(before[0, 3], after[0, 3])


def gradients_of(model: LanguageModel, loss: Callable[[], Tensor]) -> dict[str, Tensor]:
    model.zero_grad()
    loss().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_gradients_are_those_of_torchs_own_modules(model: LanguageModel) -> None:
    weights = torch.randn(3, 6, 24, generator=torch.Generator().manual_seed(1))

    def in_rows() -> Tensor:
        ids, positions = packed()
        hidden = model.hidden(ids, positions)
        places = [hidden[0, :4], hidden[0, 4:6], hidden[1, :3]]
        return sum((p * w[: len(p)]).sum() for p, w in zip(places, weights, strict=True))  # type: ignore[return-value]

    def alone() -> Tensor:  # goes through torch's nn.RNN or nn.LSTM
        return sum(  # type: ignore[return-value]
            (model.hidden(torch.tensor([d]))[0] * w[: len(d)]).sum()
            for d, w in zip(DOCUMENTS, weights, strict=True)
        )

    ours, torchs = gradients_of(model, in_rows), gradients_of(model, alone)
    assert set(ours) == set(torchs) and any("weight_hh_l1" in name for name in ours)
    for name, gradient in torchs.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def normalised(x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


def test_the_weights_are_torchs_with_torchs_names(model: LanguageModel) -> None:
    kind = nn.LSTM if model.config.architecture == "lstm" else nn.RNN
    reference = kind(24, 24, 2, batch_first=True)
    state = {
        name.removeprefix("model.rnn."): tensor
        for name, tensor in model.state_dict().items()
        if name.startswith("model.rnn.")
    }
    reference.load_state_dict(state)
    ids = torch.tensor([DOCUMENTS[0]])
    out, _ = reference(normalised(model.state_dict()["model.embed_tokens.weight"][ids]))
    torch.testing.assert_close(model.hidden(ids), normalised(out), atol=1e-5, rtol=1e-4)
    assert set(model.state_dict()) == {
        "model.embed_tokens.weight",
        "model.norm.weight",
        *(f"model.rnn.{name}" for name in reference.state_dict()),
    }


def test_read_token_by_token_it_is_what_it_is_at_once(model: LanguageModel) -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    cache = model.new_cache()
    steps = [model.hidden(ids[:, :2], cache=cache)]
    steps += [model.hidden(ids[:, place : place + 1], cache=cache) for place in range(2, 5)]
    torch.testing.assert_close(torch.cat(steps, 1), model.hidden(ids), atol=1e-6, rtol=1e-5)
    assert (cache.length, cache.capacity) == (5, 16)


def test_it_writes_the_likeliest_token_each_time(model: LanguageModel) -> None:
    made = list(generate(model.eval(), [5, 6], max_new_tokens=4))
    whole = torch.tensor([[5, 6, *made]])
    assert made == model(whole)[0, 1:5].argmax(-1).tolist()


def test_both_sides_are_refused(model: LanguageModel) -> None:
    with pytest.raises(BadParameter, match="reads from left to right"):
        model.hidden(torch.tensor([[1, 2]]), causal=False)


@pytest.mark.parametrize("tied", [True, False])
def test_it_learns_a_row_by_heart(tied: bool) -> None:
    model = recurrent("lstm", tie_embeddings=tied)
    assert (model.lm_head is None) == tied
    assert model.output_weight.shape == (40, 24)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        loss = next_token_loss(model, *packed())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # From log(40) = 3.7 nats.
    assert loss.item() < 0.1


def test_dropout_acts_while_training_only() -> None:
    model = recurrent("rnn", dropout=0.5)
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(model.eval().hidden(ids), model.hidden(ids))
    assert not torch.equal(model.train().hidden(ids), model.hidden(ids))


def test_the_same_seed_draws_the_same_weights(model: LanguageModel) -> None:
    twin = recurrent(model.config.architecture)
    for name, tensor in twin.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    if model.config.architecture == "lstm":
        # The forget gate is the second of four.
        assert model.state_dict()["model.rnn.bias_ih_l0"].view(4, 24).sum(1).tolist() == [
            0,
            24,
            0,
            0,
        ]
