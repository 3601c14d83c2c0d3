"""What becomes of bfloat16 models where the hardware does not multiply bfloat16."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.hf import load_pretrained, save_pretrained
from model.quantize import int8_model
from model.transformer import Transformer

Hardware = Callable[[bool], None]


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Hardware:
    """Say whether the processor multiplies bfloat16."""

    def has(is_native: bool) -> None:
        monkeypatch.setattr("model.bfloat16.is_native", lambda device_type: is_native)

    return has


@pytest.mark.parametrize(("is_native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_bfloat16_folder_is_widened_where_that_is_faster(
    small_model: Transformer,
    tmp_path: Path,
    hardware: Hardware,
    is_native: bool,
    dtype: torch.dtype,
) -> None:
    save_pretrained(small_model.bfloat16(), tmp_path)
    hardware(is_native)
    loaded = load_pretrained(tmp_path)
    assert {weight.dtype for weight in loaded.parameters()} == {dtype}
    for (name, was), now in zip(small_model.named_parameters(), loaded.parameters(), strict=True):
        assert torch.equal(was.to(dtype), now), name


@pytest.mark.parametrize("rows", [1, 3])
def test_an_int8_model_says_the_same_on_any_hardware(
    small_model: Transformer, hardware: Hardware, rows: int
) -> None:
    """As far as bfloat16 activations say it: to about two hundredths of how far scores lie apart."""
    model = int8_model(small_model)
    context = small_model.config.context_length
    ids = torch.arange(rows * context).view(rows, -1) % small_model.config.vocab_size
    said = []
    for is_native in (True, False):
        hardware(is_native)
        with torch.inference_mode():
            said.append(model(ids).float())
    assert not torch.equal(said[0], said[1])  # there are two ways
    assert (said[0] - said[1]).abs().mean() < 0.02 * said[0].std()


def test_a_compiled_model_asks_nothing(small_model: Transformer) -> None:
    """What cannot be traced would break the graph in every layer, which takes twice the time."""
    torch._dynamo.reset()
    ids = torch.arange(16)[None]
    graphs = torch._dynamo.explain(small_model.bfloat16())(ids).graph_count
    assert graphs == 1
