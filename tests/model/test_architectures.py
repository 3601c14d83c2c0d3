"""Every shape beside transformers' own: the same scores, and the same tensors out as in."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from chatwright.errors import BadInput, BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.language_model import LanguageModel
from model.optim import optimizers
from model.quantize import int8_model

SHAPES = ("llama", "qwen2", "qwen3", "gpt2")
ROWS = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(7))
# Two documents in each row: 15 tokens and 25.
PACKED = torch.cat([torch.arange(15), torch.arange(25)]).expand(2, -1)


def reference(shape: str, tie: bool) -> PreTrainedModel:
    """A random model of transformers', biases and norms included."""
    torch.manual_seed(3)
    if shape == "gpt2":
        config: Any = GPT2Config(
            vocab_size=300, n_embd=64, n_layer=2, n_head=4, n_positions=64, tie_word_embeddings=tie,
            initializer_range=0.15,
        )  # fmt: skip
        model: Any = GPT2LMHeadModel(config)
    else:
        configs = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
        models = {
            "llama": LlamaForCausalLM, "qwen2": Qwen2ForCausalLM, "qwen3": Qwen3ForCausalLM
        }  # fmt: skip
        config = configs[shape](
            vocab_size=300, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, intermediate_size=96, max_position_embeddings=64,
            tie_word_embeddings=tie, initializer_range=0.15,
            **({"head_dim": 32} if shape == "qwen3" else {}),
        )  # fmt: skip
        model = models[shape](config)
    for name, parameter in model.named_parameters():
        if parameter.dim() == 1:  # transformers starts biases at 0 and norms at 1: nothing is seen
            torch.nn.init.normal_(parameter, 1.0 if "norm" in name or "ln_" in name else 0.0, 0.3)
    return model.eval()


@pytest.fixture(params=SHAPES)
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> LanguageModel:
    reference(request.param, True).save_pretrained(tmp_path / "theirs")
    return load_pretrained(tmp_path / "theirs")


@torch.no_grad()
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_weights_come_in_and_go_out_bit_for_bit(tmp_path: Path, shape: str, tie: bool) -> None:
    theirs = reference(shape, tie)
    theirs.save_pretrained(tmp_path / "whole")
    theirs.save_pretrained(tmp_path / "shards", max_shard_size="50KB")
    assert (tmp_path / "shards" / "model.safetensors.index.json").exists()
    expected = theirs(ROWS).logits
    assert expected.abs().max() > 1
    for name in ("whole", "shards"):
        ours = load_pretrained(tmp_path / name)
        assert ours.config.architecture == shape and ours.config.tie_embeddings == tie
        assert (ours(ROWS) - expected).abs().max() <= 1e-4

    save_pretrained(ours, tmp_path / "out")
    before = load_file(tmp_path / "whole" / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert sorted(after) == sorted(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    again, notes = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert type(again) is type(theirs) and not any(notes.values()), notes
    assert torch.equal(again(ROWS).logits, expected)


def test_greedy_words_are_transformers_own(tmp_path: Path) -> None:
    for shape in SHAPES:
        theirs = reference(shape, True)
        theirs.save_pretrained(tmp_path / shape)
        prompt = [5, 6, 7]
        written = theirs.generate(
            torch.tensor([prompt]), max_new_tokens=20, do_sample=False, pad_token_id=0,
            eos_token_id=None,
        )  # fmt: skip
        ours = list(generate(load_pretrained(tmp_path / shape), prompt, max_new_tokens=20))
        assert ours == written[0, 3:].tolist(), shape


@torch.no_grad()
def test_a_cache_changes_nothing(loaded: LanguageModel) -> None:
    cache = loaded.new_cache(rows=2)
    pieces = [loaded(piece, cache=cache) for piece in ROWS.split([11, 1, 5, 23], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), loaded(ROWS), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_causal_sees_no_future_and_otherwise_both_sides_are_seen(loaded: LanguageModel) -> None:
    changed = ROWS.clone()
    changed[:, 30] = (changed[:, 30] + 1) % 300
    before, after = loaded.hidden(ROWS), loaded.hidden(changed)
    assert torch.equal(before[:, :30], after[:, :30])
    assert not torch.equal(before[:, 30:], after[:, 30:])
    before, after = (loaded.hidden(ids, causal=False) for ids in (ROWS, changed))
    assert (before[:, :30] != after[:, :30]).any(-1).all(), "every earlier token sees it"


@torch.no_grad()
@pytest.mark.parametrize("causal", [True, False])
def test_documents_in_one_row_do_not_see_each_other(loaded: LanguageModel, causal: bool) -> None:
    packed = loaded.hidden(ROWS, PACKED, causal=causal)
    alone = [loaded.hidden(part, causal=causal) for part in (ROWS[:, :15], ROWS[:, 15:])]
    torch.testing.assert_close(packed, torch.cat(alone, 1), atol=1e-4, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("shape", ["llama", "gpt2"])
def test_int8_comes_back_as_it_was_saved(tmp_path: Path, shape: str) -> None:
    reference(shape, True).save_pretrained(tmp_path / "float")
    model = load_pretrained(tmp_path / "float")
    small = int8_model(model)
    save_pretrained(small, tmp_path / "int8")
    scores = small(ROWS).float()
    assert (scores - model(ROWS)).std() < 0.1 * scores.std()
    assert torch.equal(load_pretrained(tmp_path / "int8")(ROWS).float(), scores)


@torch.no_grad()
@pytest.mark.parametrize("shape", ["qwen3", "gpt2"])
def test_shared_layers_are_one_layers_parameters(tmp_path: Path, shape: str) -> None:
    sizes = {"vocab_size": 300, "context_length": 64, "architecture": shape}
    once, shared = (
        build(ModelConfig.from_size("tiny", num_layers=layers, share_layers=share, **sizes))
        for layers, share in ((1, False), (3, True))
    )
    shared.init_weights(0)

    def parameters(model: LanguageModel) -> int:
        return sum(parameter.numel() for parameter in model.parameters())

    assert parameters(shared) == parameters(once)
    if shape == "gpt2":
        # 12 x 128^2 + 13 x 128 of the layer, 300 and 64 rows of 128, the last norm.
        assert parameters(shared) == 12 * 128**2 + 13 * 128 + 364 * 128 + 2 * 128
    save_pretrained(shared, tmp_path)
    assert len({n.split(".")[2] for n in load_file(tmp_path / "model.safetensors")} & set("012"))
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert (theirs(ROWS).logits - shared.eval()(ROWS)).abs().max() <= 1e-4
    back = load_pretrained(tmp_path)
    assert back.config.share_layers and torch.equal(back(ROWS), shared(ROWS))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="there is no architecture 'mamba'"):
        ModelConfig.from_size("tiny", vocab_size=300, context_length=64, architecture="mamba")
    reference("llama", True).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"model_type": "llama"', '"model_type": "mistral"'))
    with pytest.raises(BadInput, match="of the type mistral. Of these types .* llama, qwen2"):
        load_pretrained(tmp_path)


@torch.no_grad()
def test_llamas_stretched_positions_are_those_of_transformers(tmp_path: Path) -> None:
    plain = reference("llama", True)
    rope = {
        "rope_type": "llama3",
        "rope_theta": 500.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }
    config = LlamaConfig.from_dict(plain.config.to_dict() | {"rope_parameters": rope})
    theirs = LlamaForCausalLM(config).eval()
    theirs.load_state_dict(plain.state_dict())
    expected = theirs(ROWS).logits
    assert (plain(ROWS).logits - expected).abs().max() > 0.1
    theirs.save_pretrained(tmp_path / "theirs")
    ours = load_pretrained(tmp_path / "theirs")
    assert (ours(ROWS) - expected).abs().max() <= 1e-4
    save_pretrained(ours, tmp_path / "ours")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert torch.equal(again(ROWS).logits, expected)


@torch.no_grad()
def test_gpt2s_first_checkpoints_load_too(tmp_path: Path) -> None:
    # As on the hub: no prefix, and the causal masks among the weights.
    theirs = reference("gpt2", True)
    theirs.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    state = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    for layer in range(2):
        state[f"h.{layer}.attn.bias"] = torch.ones(64, 64).tril().view(1, 1, 64, 64)
        state[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(state, path)
    assert (load_pretrained(tmp_path)(ROWS) - theirs(ROWS).logits).abs().max() <= 1e-4


def test_layers_computed_twice_give_the_same_gradients(loaded: LanguageModel) -> None:
    gradients, counts = [], []
    entered = Counter[str]()
    for module in loaded.train().modules():
        # Before, not after: what is computed again stops once the backward pass has enough.
        module.register_forward_pre_hook(lambda m, _: entered.update([type(m).__name__]))
    for loaded.recompute_layers in (False, True):
        loaded.zero_grad()
        entered.clear()
        loaded(ROWS).square().mean().backward()
        counts.append(entered["SwiGLU"] + entered["FeedForward"])
        gradients.append([parameter.grad for parameter in loaded.parameters()])
    assert counts == [2, 4]
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_only_matrices_within_layers_decay(shape: str) -> None:
    config = ModelConfig.from_size(
        "tiny", vocab_size=300, context_length=64, architecture=shape, tie_embeddings=False
    )
    model = build(config)
    matrices, rest = optimizers(model, algorithm="muon", learning_rate=0.1, weight_decay=0.2)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for optimizer, decay in ((matrices, 0.2), (rest, 0.0)):
        assert {group["weight_decay"] for group in optimizer.param_groups} == {decay}
    inside = {names[id(p)] for group in matrices.param_groups for p in group["params"]}
    outside = {names[id(p)] for group in rest.param_groups for p in group["params"]}
    assert inside | outside == set(names.values()) and not inside & outside
    assert all(".layers." in name or ".h." in name for name in inside)
    norms = ("norm.weight", "ln_1.weight", "ln_2.weight", "ln_f.weight")
    tables = ("embed_tokens.weight", "wte.weight", "wpe.weight", "lm_head.weight")
    assert all(name.endswith(("bias", *norms, *tables)) for name in outside)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_writes_into_the_residual_stream_is_drawn_smaller_with_depth(shape: str) -> None:
    config = ModelConfig.from_size("tiny", vocab_size=300, context_length=64, architecture=shape)
    model = build(config)
    model.init_weights(seed=3, std=0.02)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.dim() == 2:
            writes = name.endswith(("o_proj.weight", "down_proj.weight", "c_proj.weight"))
            # 0.02 / sqrt(2 x 3 layers); thousands of draws are within a few per cent of it.
            expected = 0.00816 if writes else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.06), name


@pytest.mark.parametrize(
    ("shape", "changes", "says"),
    [
        ("llama", {"attention_bias": True}, "attention_bias is True"),
        ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5"),
        ("qwen2", {"use_sliding_window": True}, "use_sliding_window is True"),
        ("qwen2", {"layer_types": ["full_attention", "sliding_attention"]}, "a sliding window"),
        ("gpt2", {"activation_function": "relu"}, "activation_function is 'relu'"),
        ("gpt2", {"n_head": 5}, "5 heads do not divide the width of 64"),
    ],
)
def test_what_is_not_computed_here_is_refused_by_name(
    tmp_path: Path, shape: str, changes: dict[str, object], says: str
) -> None:
    reference(shape, True).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(BadInput, match=says):
        load_pretrained(tmp_path)
