"""What a choice of architecture costs in parameters, and which choices do not go together."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from chatwright.errors import BadInput, BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.hf import load_pretrained, save_pretrained
from model.language_model import LanguageModel

SHAPES = ("llama", "qwen2", "qwen3", "gpt2")
ROWS = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(7))
TWO_DOCUMENTS = torch.cat([torch.arange(15), torch.arange(25)]).expand(2, -1)


def new_model(shape: str, **choices: object) -> LanguageModel:
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=300,
        context_length=64,
        architecture=shape,
        hidden_size=64,
        num_layers=2,
        num_heads=4,
        **choices,
    )
    model = build(config)
    model.init_weights(seed=1, std=0.15)
    return model.eval()


def parameters(shape: str, **choices: object) -> int:
    return sum(parameter.numel() for parameter in new_model(shape, **choices).parameters())


def test_parameters_are_those_counted_by_hand() -> None:
    # A vocabulary of 300 x 64, tied; heads of 16. Each block: q and o are 64 x 64, k and v, of two
    # key-value heads, 64 x 32; SwiGLU three times 64 x 192; two norms. One norm at the end.
    table, block = 300 * 64, 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 192 + 2 * 64
    assert parameters("llama") == table + 2 * block + 64
    assert parameters("llama", tie_embeddings=False) == 2 * table + 2 * block + 64
    assert parameters("llama", share_layers=True) == table + block + 64
    # A bias for q, k and v.
    assert parameters("qwen2") == parameters("llama") + 2 * (64 + 32 + 32)
    # A norm for q and one for k.
    assert parameters("qwen3") == parameters("llama") + 2 * (16 + 16)
    # Matrices of 3, 1, 4 and 4 times 64 x 64, their biases of 3, 1, 4 and 1 times 64, two norms of
    # weights and biases; 64 positions; one norm at the end.
    block = 12 * 64 * 64 + 13 * 64
    assert parameters("gpt2") == table + 64 * 64 + 2 * block + 2 * 64
    assert parameters("gpt2", share_layers=True) == table + 64 * 64 + block + 2 * 64


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_layers_that_share_weights_keep_keys_and_values_of_their_own(shape: str) -> None:
    model = new_model(shape, share_layers=True)
    cache = model.new_cache(rows=2)
    pieces = [model(piece, cache=cache) for piece in ROWS.split([11, 1, 5, 23], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), model(ROWS), atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_other_document_of_a_row_changes_nothing_to_the_bit(shape: str, causal: bool) -> None:
    model = new_model(shape)
    before = model.hidden(ROWS, TWO_DOCUMENTS, causal=causal)
    for change, kept in ((slice(0, 15), slice(15, 40)), (slice(15, 40), slice(0, 15))):
        rows = ROWS.clone()
        rows[:, change] = (rows[:, change] + 1) % 300
        after = model.hidden(rows, TWO_DOCUMENTS, causal=causal)
        assert torch.equal(after[:, kept], before[:, kept])
        assert not torch.isclose(after[:, change], before[:, change]).all(-1).any()


def test_layers_that_are_to_be_shared_and_differ_are_refused(tmp_path: Path) -> None:
    save_pretrained(new_model("gpt2", share_layers=True), tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    state["transformer.h.1.attn.c_attn.weight"][0, 0] += 1
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(BadInput, match=r"h\.1\.attn\.c_attn\.weight differs from .*h\.0\.attn"):
        load_pretrained(tmp_path)


def test_weights_of_another_kind_of_file_are_refused(tmp_path: Path) -> None:
    save_pretrained(new_model("llama"), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"\.bin files only, and safetensors are needed"):
        load_pretrained(tmp_path)


def test_gpt2_has_no_heads_to_share() -> None:
    with pytest.raises(BadParameter, match="each head of gpt2 has keys and values") as refused:
        new_model("gpt2", num_key_value_heads=2)
    assert refused.value.where == "model.num_key_value_heads"
