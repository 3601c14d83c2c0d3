"""Llama, Qwen2, Qwen3 and GPT-2: transformers' numbers, transformers' tensors, one interface."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from chatwright.errors import BadInput, BadParameter
from model.architectures import build
from model.config import ModelConfig
from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.language_model import LanguageModel
from model.optim import optimizers
from model.quantize import int8_model

SHAPES = ("llama", "qwen2", "qwen3", "gpt2")
Reference = Callable[..., PreTrainedModel]
ROWS = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(7))


def small(shape: str, **choices: object) -> LanguageModel:
    """Three layers with weights large enough to matter."""
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=300,
        context_length=64,
        architecture=shape,
        hidden_size=64,
        num_heads=4,
        num_layers=3,
        **choices,
    )
    model = build(config)
    model.init_weights(seed=1, std=0.15)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All that stands in the safetensors files of a folder."""
    return {k: v for file in folder.glob("*.safetensors") for k, v in load_file(file).items()}


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("key_value_heads", [2, 4])
def test_a_checkpoint_comes_in_computes_the_same_and_goes_out_to_the_bit(
    tmp_path: Path, reference_model: Reference, shape: str, tie: bool, key_value_heads: int
) -> None:
    reference = reference_model(shape, tie=tie, key_value_heads=key_value_heads)
    reference.save_pretrained(tmp_path / "theirs", max_shard_size="50KB")
    assert (tmp_path / "theirs/model.safetensors.index.json").exists()
    model = load_pretrained(tmp_path / "theirs")
    assert model.config.tie_embeddings == tie
    expected = reference(ROWS).logits
    assert expected.abs().max() > 1  # or the comparison would say nothing
    assert (model(ROWS) - expected).abs().max() <= 1e-4

    save_pretrained(model, tmp_path / "ours")
    before, after = tensors(tmp_path / "theirs"), tensors(tmp_path / "ours")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)

    again, notes = AutoModelForCausalLM.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert type(again) is type(reference) and not any(notes.values()), notes
    assert torch.equal(again(ROWS).logits, expected)


@torch.no_grad()
def test_llamas_stretched_positions_are_those_of_transformers(
    tmp_path: Path, reference_model: Reference
) -> None:
    rope = {
        "rope_type": "llama3",
        "rope_theta": 500.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }
    reference = reference_model("llama", rope_parameters=rope)
    reference.save_pretrained(tmp_path / "theirs")
    model = load_pretrained(tmp_path / "theirs")
    expected = reference(ROWS).logits
    assert (model(ROWS) - expected).abs().max() <= 1e-4
    plain = reference_model("llama", rope_parameters={"rope_type": "default", "rope_theta": 500.0})
    assert (plain(ROWS).logits - expected).abs().max() > 0.1
    save_pretrained(model, tmp_path / "ours")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert torch.equal(again(ROWS).logits, expected)


@torch.no_grad()
def test_gpt2s_first_checkpoints_load_too(tmp_path: Path, reference_model: Reference) -> None:
    # As on the hub: no prefix, and the causal masks among the weights.
    reference = reference_model("gpt2")
    reference.save_pretrained(tmp_path)
    state = {k.removeprefix("transformer."): v for k, v in tensors(tmp_path).items()}
    for layer in range(2):
        state[f"h.{layer}.attn.bias"] = torch.ones(64, 64).tril().view(1, 1, 64, 64)
        state[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(state, tmp_path / "model.safetensors")
    assert (load_pretrained(tmp_path)(ROWS) - reference(ROWS).logits).abs().max() <= 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_transformers(
    tmp_path: Path, reference_model: Reference, shape: str
) -> None:
    reference = reference_model(shape, tie=False)
    reference.save_pretrained(tmp_path)
    model = load_pretrained(tmp_path)
    for logits in (model(ROWS), reference(ROWS).logits):
        torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), ROWS[:, 1:].flatten()
        ).backward()
    theirs = dict(reference.named_parameters())
    for name, parameter in model.named_parameters():
        found, expected = parameter.grad, theirs[name].grad
        if shape == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            expected = expected.T
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("share_layers", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_cache_changes_nothing(shape: str, share_layers: bool) -> None:
    model = small(shape, share_layers=share_layers)
    whole = model(ROWS)
    cache = model.new_cache(rows=2)
    pieces = [model(piece, cache=cache) for piece in ROWS.split([11, 1, 5, 23], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-4, rtol=1e-4)
    assert cache.length == 40


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_is_what_transformers_writes(
    tmp_path: Path, reference_model: Reference, shape: str
) -> None:
    reference = reference_model(shape)
    reference.save_pretrained(tmp_path)
    prompt = ROWS[:1, :6]
    theirs = reference.generate(
        prompt, max_new_tokens=30, do_sample=False, eos_token_id=-1, pad_token_id=0
    )[0, 6:].tolist()
    assert len(set(theirs)) > 3
    assert (
        list(generate(load_pretrained(tmp_path), prompt[0].tolist(), max_new_tokens=30)) == theirs
    )


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_a_causal_model_does_not_see_the_future_and_a_reader_does(shape: str) -> None:
    model = small(shape)
    changed = ROWS.clone()
    changed[:, 30:] = (changed[:, 30:] + 1) % 300
    assert torch.equal(model(ROWS)[:, :30], model(changed)[:, :30])
    for positions in (None, torch.arange(40).expand(2, -1)):
        one, other = (
            model.hidden(rows, positions, causal=False)[:, :30] for rows in (ROWS, changed)
        )
        assert ((one - other).abs().amax(-1) > 1e-3).all()


@torch.no_grad()
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_documents_in_a_row_do_not_see_each_other(shape: str, causal: bool) -> None:
    model = small(shape)
    positions = torch.cat([torch.arange(25), torch.arange(15)]).expand(2, -1)
    before, after = ROWS.clone(), ROWS.clone()
    before[:, 25:] = (before[:, 25:] + 1) % 300
    after[:, :25] = (after[:, :25] + 1) % 300
    packed = model.hidden(ROWS, positions, causal=causal)
    for changed, kept in ((before, slice(0, 25)), (after, slice(25, 40))):
        assert torch.equal(
            packed[:, kept], model.hidden(changed, positions, causal=causal)[:, kept]
        )
        alone = model.hidden(ROWS[:, kept], causal=causal)
        torch.testing.assert_close(packed[:, kept], alone, atol=1e-4, rtol=1e-4)


def expected_parameters(shape: str, blocks: int) -> int:
    """By hand, of ``small``: width 64, 4 heads of 16 with 2 for keys, 300 tokens, 64 positions."""
    if shape == "gpt2":
        attention = 64 * 192 + 192 + 64 * 64 + 64
        feed_forward = 64 * 256 + 256 + 256 * 64 + 64
        return 300 * 64 + 64 * 64 + blocks * (attention + feed_forward + 4 * 64) + 2 * 64
    attention = 2 * 64 * 64 + 2 * 32 * 64
    attention += {"llama": 0, "qwen2": 64 + 2 * 32, "qwen3": 2 * 16}[shape]
    # 8/3 of 64 is 171, rounded up to 192.
    return 300 * 64 + blocks * (attention + 3 * 64 * 192 + 2 * 64) + 64


@pytest.mark.parametrize("shape", SHAPES)
def test_shared_layers_have_the_parameters_of_one(shape: str) -> None:
    for share, blocks in ((False, 3), (True, 1)):
        model = small(shape, share_layers=share)
        count = sum(parameter.numel() for parameter in model.parameters())
        assert count == expected_parameters(shape, blocks)


@torch.no_grad()
@pytest.mark.parametrize("shape", SHAPES)
def test_shared_layers_go_out_as_many_and_come_back_as_one(tmp_path: Path, shape: str) -> None:
    model = small(shape, share_layers=True)
    save_pretrained(model, tmp_path)
    reference, notes = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(notes.values()), notes
    assert (reference(ROWS).logits - model(ROWS)).abs().max() <= 1e-4
    again = load_pretrained(tmp_path)
    assert again.config == model.config
    assert torch.equal(again(ROWS), model(ROWS))


def test_layers_that_are_said_to_be_shared_and_differ_are_refused(tmp_path: Path) -> None:
    save_pretrained(small("llama"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"chatwright_share_layers": True}))
    with pytest.raises(BadInput, match="are to be shared, and model.layers.1.* differs"):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_computed_twice_give_the_same_gradients(shape: str) -> None:
    gradients, counts = [], []
    for recompute in (False, True):
        model = small(shape).train()
        model.recompute_layers = recompute
        entered = Counter[str]()
        for module in model.modules():
            # Before, not after: what is computed again stops once the backward pass has enough.
            module.register_forward_pre_hook(
                lambda m, _, seen=entered: seen.update([type(m).__name__])
            )
        model(ROWS).square().mean().backward()
        counts.append(entered["SwiGLU"] + entered["FeedForward"])
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert counts == [3, 6]
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("shape", SHAPES)
def test_only_matrices_within_layers_decay(shape: str) -> None:
    model = small(shape, tie_embeddings=False)
    matrices, rest = optimizers(model, algorithm="muon", learning_rate=0.1, weight_decay=0.2)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for optimizer, decay in ((matrices, 0.2), (rest, 0.0)):
        assert {group["weight_decay"] for group in optimizer.param_groups} == {decay}
    inside = {names[id(p)] for group in matrices.param_groups for p in group["params"]}
    outside = {names[id(p)] for group in rest.param_groups for p in group["params"]}
    assert inside | outside == set(names.values()) and not inside & outside
    assert all(".layers." in name or ".h." in name for name in inside)
    kinds = ("norm.weight", "ln_1.weight", "ln_2.weight", "ln_f.weight", "layernorm.weight")
    tables = ("embed_tokens.weight", "wte.weight", "wpe.weight", "lm_head.weight")
    assert all(name.endswith(("bias", *kinds, *tables)) for name in outside)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_writes_into_the_residual_stream_is_drawn_smaller_with_depth(shape: str) -> None:
    model = small(shape)
    model.init_weights(seed=3, std=0.02)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif parameter.dim() == 2:
            writes = name.endswith(("o_proj.weight", "down_proj.weight", "c_proj.weight"))
            # 0.02 / sqrt(2 x 3 layers); thousands of draws are within a few per cent of it.
            expected = 0.00816 if writes else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.06), name


@torch.no_grad()
@pytest.mark.parametrize("share_layers", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_int8_stays_close_and_comes_back_to_the_bit(
    tmp_path: Path, shape: str, share_layers: bool
) -> None:
    model = small(shape, share_layers=share_layers, tie_embeddings=False)
    exact, rough = model(ROWS), int8_model(model)
    # Half a step of 1/127 a weight and bfloat16's rounding: a few per cent of the spread.
    assert (rough(ROWS).float() - exact).std() < 0.06 * exact.std()
    save_pretrained(rough, tmp_path)
    again = load_pretrained(tmp_path)
    assert torch.equal(again(ROWS), rough(ROWS))
    assert list(generate(again, [1, 2], max_new_tokens=5)) == list(
        generate(rough, [1, 2], max_new_tokens=5)
    )


@torch.no_grad()
@pytest.mark.parametrize("shape", ["llama", "qwen2"])
def test_transformers_loads_int8_of_linear_layers(tmp_path: Path, shape: str) -> None:
    save_pretrained(int8_model(small(shape)), tmp_path)
    reference, notes = AutoModelForCausalLM.from_pretrained(
        tmp_path, dtype=torch.float32, output_loading_info=True
    )
    assert not notes["missing_keys"] and not notes["unexpected_keys"], notes
    ours = load_pretrained(tmp_path, dtype=torch.float32)
    assert (reference(ROWS).logits - ours(ROWS)).abs().max() <= 1e-4


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"architecture": "mamba"}, "no architecture 'mamba'. Architectures: llama, qwen2"),
        ({"architecture": "gpt2", "num_key_value_heads": 2}, "has keys and values of its own"),
        ({"architecture": "lstm", "share_layers": True}, "layers of lstm cannot be shared"),
    ],
)
def test_a_shape_that_an_architecture_cannot_have_is_refused(
    overrides: dict[str, object], says: str
) -> None:
    with pytest.raises(BadParameter, match=says):
        ModelConfig.from_size("small", vocab_size=300, context_length=64, **overrides)


@pytest.mark.parametrize(
    ("shape", "changes", "says"),
    [
        ("llama", {"attention_bias": True}, "attention_bias is True"),
        ("qwen2", {"use_sliding_window": True}, "use_sliding_window is True"),
        ("qwen2", {"layer_types": ["full_attention", "sliding_attention"]}, "a sliding window"),
        ("gpt2", {"activation_function": "relu"}, "activation_function is 'relu'"),
        ("gpt2", {"n_head": 5}, "5 heads do not divide the width of 64"),
    ],
)
def test_what_is_not_computed_here_is_refused_by_name(
    tmp_path: Path, reference_model: Reference, shape: str, changes: dict[str, object], says: str
) -> None:
    reference_model(shape).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(BadInput, match=says):
        load_pretrained(tmp_path)


def test_a_sliding_window_that_is_not_used_is_none(
    tmp_path: Path, reference_model: Reference
) -> None:
    reference_model("qwen2", sliding_window=8, use_sliding_window=False).save_pretrained(tmp_path)
    assert load_pretrained(tmp_path).config.architecture == "qwen2"


def test_weights_as_pickles_are_refused(tmp_path: Path) -> None:
    save_pretrained(small("gpt2"), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"as .bin files only, and safetensors are needed"):
        load_pretrained(tmp_path)
