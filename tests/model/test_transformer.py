"""The decoder computes what Qwen3 computes, and documents in one row do not see each other."""

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from model.attention import FOLDED_TOKENS_FLOAT32
from model.config import ModelConfig
from model.transformer import Transformer


def ids(rows: int, tokens: int, vocab_size: int = 300) -> torch.Tensor:
    return torch.randint(vocab_size, (rows, tokens), generator=torch.Generator().manual_seed(7))


@torch.no_grad()
@pytest.mark.parametrize("tie", [True, False])
def test_logits_are_those_of_transformers_qwen3(tie: bool) -> None:
    config = ModelConfig(300, 64, 2, 4, 2, 32, 96, 64, rope_theta=50_000.0, tie_embeddings=tie)
    model = Transformer(config).eval()
    model.init_weights(seed=1, std=0.15)
    reference = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=300,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            intermediate_size=96,
            max_position_embeddings=64,
            rope_parameters={"rope_type": "default", "rope_theta": 50_000.0},
            tie_word_embeddings=tie,
        )
    ).eval()
    reference.load_state_dict(model.state_dict(), strict=not tie)
    expected = reference(ids(3, 64)).logits
    assert expected.abs().max() > 1  # or the comparison would say nothing
    assert (model(ids(3, 64)) - expected).abs().max() <= 1e-4


@torch.no_grad()
def test_a_packed_row_gives_what_its_documents_give_alone(small_model: Transformer) -> None:
    row = ids(1, 60)
    lengths = [13, 1, 29, 17]
    positions = torch.cat([torch.arange(length) for length in lengths])[None]
    packed = small_model(row, positions)
    start = 0
    for length in lengths:
        alone = small_model(row[:, start : start + length])
        torch.testing.assert_close(packed[:, start : start + length], alone, atol=1e-4, rtol=1e-4)
        start += length


@torch.no_grad()
def test_another_document_in_the_row_changes_nothing_to_the_bit(small_model: Transformer) -> None:
    first, second = ids(1, 40), ids(1, 40)
    second[:, :25] = (second[:, :25] + 1) % 300
    positions = torch.cat([torch.arange(25), torch.arange(15)])[None]
    assert torch.equal(
        small_model(first, positions)[:, 25:], small_model(second, positions)[:, 25:]
    )


@torch.no_grad()
@pytest.mark.parametrize("tokens", [50, FOLDED_TOKENS_FLOAT32 + 20])
def test_a_token_does_not_see_those_after_it_to_the_bit(tokens: int) -> None:
    model = Transformer(ModelConfig(300, 64, 2, 4, 2, 16, 96, 2048)).eval()
    model.init_weights(seed=1, std=0.15)
    first = ids(1, tokens)
    second = first.clone()
    second[:, 30:] = (second[:, 30:] + 1) % 300
    assert torch.equal(model(first)[:, :30], model(second)[:, :30])
    assert not torch.equal(model(first)[:, 30:], model(second)[:, 30:])


@torch.no_grad()
def test_both_paths_of_attention_agree(
    monkeypatch: pytest.MonkeyPatch, small_model: Transformer
) -> None:
    row = ids(2, 48)
    positions = torch.cat([torch.arange(20), torch.arange(28)]).expand(2, -1)
    folded, folded_packed = small_model(row), small_model(row, positions)
    monkeypatch.setattr("model.attention.FOLDED_TOKENS_FLOAT32", 0)
    torch.testing.assert_close(small_model(row), folded, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(small_model(row, positions), folded_packed, atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("folded_tokens", [0, FOLDED_TOKENS_FLOAT32])
def test_a_cache_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, small_model: Transformer, folded_tokens: int
) -> None:
    monkeypatch.setattr("model.attention.FOLDED_TOKENS_FLOAT32", folded_tokens)
    row = ids(2, 30)
    whole = small_model(row)
    cache = small_model.new_cache(rows=2)
    # A prompt, a single token, a piece, the rest.
    pieces = [small_model(piece, cache=cache) for piece in row.split([11, 1, 5, 13], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-4, rtol=1e-4)
    cache.truncate(12)
    torch.testing.assert_close(
        small_model(row[:, 12:], cache=cache), whole[:, 12:], atol=1e-4, rtol=1e-4
    )


def test_gradients_are_those_of_transformers_qwen3(small_model: Transformer) -> None:
    reference = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=300,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            intermediate_size=96,
            max_position_embeddings=64,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            tie_word_embeddings=True,
        )
    ).eval()
    reference.load_state_dict(small_model.state_dict(), strict=False)
    row = ids(2, 40)
    for logits in (small_model(row), reference(row).logits):
        torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), row[:, 1:].flatten()
        ).backward()
    theirs = dict(reference.named_parameters())
    for name, parameter in small_model.named_parameters():
        torch.testing.assert_close(parameter.grad, theirs[name].grad, atol=1e-4, rtol=1e-3)


def test_under_autocast_the_forward_stays_close(small_model: Transformer) -> None:
    row = ids(2, 40)
    exact = small_model(row)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = small_model.hidden(row)
        rough = small_model.logits(hidden)
    assert hidden.dtype == torch.bfloat16
    # bfloat16 has 8 bits: some 0.4 % an operation, a few per cent of the spread in the end.
    assert (rough.float() - exact).std() < 0.05 * exact.std()


def test_dropout_acts_in_training_only() -> None:
    model = Transformer(ModelConfig(300, 64, 2, 4, 2, 16, 96, 64, dropout=0.5))
    model.init_weights(seed=1)
    row = ids(1, 20)
    assert not torch.equal(model(row), model(row))
    model.eval()
    assert torch.equal(model(row), model(row))


def test_zero_outputs_make_every_block_the_identity_at_first(small_model: Transformer) -> None:
    small_model.init_weights(seed=1, zero_outputs=True)
    row = ids(1, 20)
    embedded = small_model.model.norm(small_model.model.embed_tokens(row))
    assert torch.equal(small_model.hidden(row), embedded)


def test_the_same_seed_gives_the_same_weights(small_model: Transformer) -> None:
    other = Transformer(small_model.config)
    other.init_weights(seed=1, std=0.15)
    for name, tensor in small_model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
