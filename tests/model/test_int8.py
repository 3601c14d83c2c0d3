"""Int8 weights: how far they may be off, how they compute, and that transformers loads them."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from chatwright.errors import BadInput
from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.quantize import KERNEL_ROWS, Int8Linear, int8_model, quantize_rows
from model.transformer import Transformer

ROWS = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(7))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(1e-6, 1e4), st.booleans())
def test_no_weight_is_off_by_more_than_half_a_step(seed: int, spread: float, outlier: bool) -> None:
    weight = torch.randn(7, 33, generator=torch.Generator().manual_seed(seed)) * spread
    if outlier:
        weight[2, 5] = 40 * spread
    integers, scale = quantize_rows(weight)
    assert integers.dtype == torch.int8 and scale.shape == (7, 1)
    assert integers.min() >= -127
    error = (weight.double() - scale.double() * integers.double()).abs()
    assert (error <= scale.double() / 2 * (1 + 1e-5)).all()
    # The step is as small as it can be: 1/127 of the row's largest, and bfloat16's rounding.
    assert (scale.double() <= weight.double().abs().amax(1, keepdim=True) / 127 * (1 + 2**-7)).all()


def test_a_row_of_zeros_stays_zero() -> None:
    integers, scale = quantize_rows(torch.zeros(2, 8))
    assert not integers.any() and (scale.isfinite() & (scale > 0)).all()


@pytest.mark.parametrize("rows", [1, KERNEL_ROWS, KERNEL_ROWS + 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layer_computes_with_the_widened_weights(rows: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    integers, scale = quantize_rows(torch.randn(48, 64, generator=generator))
    x = torch.randn(rows, 64, generator=generator).to(dtype)
    found = Int8Linear(integers, scale)(x)
    expected = x.double() @ (integers.double() * scale.double()).T
    assert found.dtype == dtype
    # Sums of 64 products of about 1: within the type's rounding of the largest result.
    bound = expected.abs().max() * (2**-7 if dtype == torch.bfloat16 else 1e-5)
    assert (found.double() - expected).abs().max() <= bound


@pytest.mark.parametrize("width", [8, 64, 100, 128])
@pytest.mark.parametrize("shift", [0, 1])
def test_any_width_and_any_place_in_memory_will_do(width: int, shift: int) -> None:
    generator = torch.Generator().manual_seed(1)
    integers, scale = quantize_rows(torch.randn(48, width, generator=generator))
    # The same numbers, one element off the aligned start of their memory.
    moved = torch.empty(integers.numel() + 1, dtype=torch.int8)[shift:][: integers.numel()]
    moved.copy_(integers.flatten())
    x = torch.empty(3 * width + 1, dtype=torch.bfloat16)[shift:][: 3 * width]
    x.copy_(torch.randn(3 * width, generator=generator))
    x = x.view(3, width)
    found = Int8Linear(moved.view(48, width), scale)(x)
    expected = x.double() @ (integers.double() * scale.double()).T
    assert (found.double() - expected).abs().max() <= expected.abs().max() * 2**-7


@torch.no_grad()
def test_the_model_stays_what_it_was(small_model: Transformer) -> None:
    exact, rough = small_model(ROWS), int8_model(small_model)(ROWS).float()
    # Half a step of 1/127 a weight, averaged over 64 of them and four products a layer, and
    # bfloat16's rounding: a few per cent of the spread.
    assert (rough - exact).std() < 0.05 * exact.std()
    assert small_model.model.embed_tokens.weight.dtype == torch.float32  # a copy was made


@torch.no_grad()
def test_a_prompt_at_once_and_token_by_token_agree(small_model: Transformer) -> None:
    small = int8_model(small_model)
    whole = small(ROWS[:1]).float()
    cache = small.new_cache()
    single = torch.cat([small(ROWS[:1, [i]], cache=cache) for i in range(40)], 1).float()
    assert (single - whole).std() < 0.02 * whole.std()


@pytest.fixture
def folder(small_model: Transformer, tokenizer_folder: Path, tmp_path: Path) -> Path:
    save_pretrained(int8_model(small_model), tmp_path / "int8", tokenizer=tokenizer_folder)
    return tmp_path / "int8"


@torch.no_grad()
def test_a_folder_comes_back_to_the_bit(small_model: Transformer, folder: Path) -> None:
    assert torch.equal(load_pretrained(folder)(ROWS), int8_model(small_model)(ROWS))
    with open(folder / "model.safetensors", "rb") as file:
        before = file.read()
    save_pretrained(load_pretrained(folder), folder)
    assert (folder / "model.safetensors").read_bytes() == before


def test_matrices_take_a_byte_a_weight(small_model: Transformer, folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    matrices = {name for name, p in small_model.named_parameters() if p.dim() == 2}
    assert matrices == {name for name, tensor in state.items() if tensor.dtype == torch.int8}
    others = sum(t.nbytes for n, t in state.items() if n not in matrices)
    rows = sum(p.shape[0] for n, p in small_model.named_parameters() if n in matrices)
    norms = sum(p.numel() for p in small_model.parameters() if p.dim() == 1)
    # Two bytes a scale and a norm's weight; the head's scales stand there twice.
    assert others == 2 * (rows + 300 + norms)


@torch.no_grad()
def test_transformers_with_compressed_tensors_loads_the_folder(
    small_model: Transformer, folder: Path
) -> None:
    reference, notes = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    assert not notes["missing_keys"] and not notes["unexpected_keys"], notes
    ours = load_pretrained(folder, dtype=torch.float32)
    assert (reference(ROWS).logits - ours(ROWS)).abs().max() <= 1e-4
    prompt = ROWS[:1, :6]
    theirs = reference.generate(
        prompt, max_new_tokens=12, do_sample=False, eos_token_id=-1, pad_token_id=0
    )
    assert theirs[0, 6:].tolist() == list(generate(ours, prompt[0].tolist(), max_new_tokens=12))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "pack-quantized"},
        {"quant_method": "gptq"},
        {"config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}},
    ],
)
def test_another_kind_of_quantization_is_refused(folder: Path, change: dict[str, object]) -> None:
    path = folder / "config.json"
    tree = json.loads(path.read_text())
    tree["quantization_config"] |= change
    path.write_text(json.dumps(tree))
    with pytest.raises(BadInput, match="only int8 with one scale a row"):
        load_pretrained(folder)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_same_is_computed(folder: Path) -> None:
    expected = load_pretrained(folder)(ROWS).float()
    found = load_pretrained(folder, device="cuda")(ROWS.cuda()).float().cpu()
    assert (found - expected).std() < 0.02 * expected.std()
