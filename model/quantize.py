"""Int8 weights: each row of a matrix as 8-bit integers and one scale.

``weight ~ weight_scale * int8``, symmetric, the scale such that the row's largest number is 127;
embeddings too, which the vocabulary's projection shares. In memory and on disk the same, in the
layout of compressed-tensors ("int-quantized", strategy "channel"), which transformers loads.

Notable choices: scales are bfloat16, and rounded before the integers are, so that the error of
every weight stays within half a step of the scale that is stored. Activations are bfloat16: for
few rows of it torch has a kernel that reads the int8 weights as they are, on a CPU 2 to 17 times
as fast as a bfloat16 product; for many rows (a prompt) the integers, which bfloat16 holds exactly,
are widened first, to float32 where the hardware has no bfloat16. Not covered: training quantized
weights.
"""

import copy
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from chatwright.errors import BadInput
from model.bfloat16 import for_products
from model.language_model import LanguageModel

# More rows than this, and widening the weights once is cheaper than torch's int8 kernel.
KERNEL_ROWS = 32
FORMAT = "int-quantized"


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Int8 numbers of the shape of ``weight`` ``(out, in)``, and bfloat16 scales ``(out, 1)``.

    ``|weight - scale * int8| <= scale / 2`` for every element.
    """
    weight = weight.detach().float()
    exact = weight.abs().amax(1, keepdim=True) / 127
    scale = exact.bfloat16()
    # Rounded down, the scale would push the row's largest number beyond 127: take the next one up.
    scale = torch.where(scale < exact, torch.nextafter(scale, scale.new_tensor(torch.inf)), scale)
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return (weight / scale.float()).round_().to(torch.int8), scale


def int8_product(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
    """``x @ (weight * scale).T`` for ``x`` of shape ``(..., in)``, in the type of ``x``."""
    rows = x.reshape(-1, x.shape[-1])
    if _kernel_takes(rows, weight):
        product = torch.ops.aten._weight_int8pack_mm(rows, weight, scale.view(-1))
    else:
        dtype = for_products(x.dtype, x.device.type)
        product = F.linear(rows.to(dtype), weight.to(dtype)) * scale.view(-1).to(dtype)
        product = product.to(x.dtype)
    return product.view(*x.shape[:-1], len(weight))


def _kernel_takes(rows: Tensor, weight: Tensor) -> bool:
    # The kernel checks neither: torch 2.13's computes nonsense for a width that is no multiple of
    # 32 and crashes on memory that is not aligned to 64 bytes (a file's, mapped, need not be).
    return (
        rows.dtype == torch.bfloat16
        and rows.device.type == "cpu"
        and len(rows) <= KERNEL_ROWS
        and rows.shape[1] % 32 == 0
        and rows.data_ptr() % 64 == 0
        and weight.data_ptr() % 64 == 0
    )


class Int8Linear(nn.Module):
    """A linear layer of int8 weights; a bias has the type of the activations."""

    def __init__(self, weight: Tensor, weight_scale: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight: Tensor
        self.weight_scale: Tensor
        self.bias: Tensor | None
        self.register_buffer("weight", weight)
        self.register_buffer("weight_scale", weight_scale)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., in)`` to ``(..., out)``."""
        product = int8_product(x, self.weight, self.weight_scale)
        return product if self.bias is None else product + self.bias


class Int8Embedding(Int8Linear):
    """Embeddings of int8 weights; as a projection onto the vocabulary it is ``project``."""

    def forward(self, ids: Tensor) -> Tensor:
        """Ids ``(...)`` to vectors ``(..., C)`` in the type of the scales."""
        return self.weight[ids].to(self.weight_scale.dtype) * self.weight_scale[ids]

    def project(self, hidden: Tensor) -> Tensor:
        """Hidden states ``(..., C)`` to scores ``(..., V)``."""
        return int8_product(hidden, self.weight, self.weight_scale)


def int8_model(model: LanguageModel) -> LanguageModel:
    """A copy of a model with all matrices int8; norms, and with them the activations, bfloat16."""
    result = copy.deepcopy(model).bfloat16().eval()
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear | nn.Embedding):
            weight, scale = quantize_rows(module.weight)
            bias = getattr(module, "bias", None)
            bias = None if bias is None else bias.detach().bfloat16()
            _put(result, name, _int8_class(module)(weight, scale, bias))
    return result


def with_int8_layers(model: LanguageModel, names: Collection[str]) -> LanguageModel:
    """Make room in a model for a checkpoint whose modules ``names`` are int8."""
    for name in names:
        try:
            module = model.get_submodule(name)
        except AttributeError:
            continue  # a weight without a place: the comparison of names and shapes reports it
        if isinstance(module, nn.Linear | nn.Embedding):
            weight = torch.empty(module.weight.shape, dtype=torch.int8, device="meta")
            scale = torch.empty(len(weight), 1, device="meta")
            bias = getattr(module, "bias", None)
            bias = None if bias is None else bias.detach()
            _put(model, name, _int8_class(module)(weight, scale, bias))
    return model


def is_quantized(model: LanguageModel) -> bool:
    """Whether the model's matrices are int8."""
    return any(isinstance(module, Int8Linear) for module in model.modules())


def quantization_config() -> dict[str, Any]:
    """What ``config.json`` says of int8 weights, for transformers with compressed-tensors."""
    return {
        "quant_method": "compressed-tensors",
        "format": FORMAT,
        "quantization_status": "compressed",
        "config_groups": {
            "group_0": {
                # Left out, compressed-tensors takes weights without activations to be packed.
                "format": FORMAT,
                "targets": ["Linear", "Embedding"],
                "weights": {
                    "num_bits": 8,
                    "type": "int",
                    "strategy": "channel",
                    "symmetric": True,
                    "dynamic": False,
                },
                "input_activations": None,
                "output_activations": None,
            }
        },
        "ignore": [],
    }


def check_quantization_config(tree: Mapping[str, Any], path: Path) -> None:
    """Refuse quantized folders of another kind.

    Raises:
        BadInput: not int8, or not one scale a row.
    """
    groups = tree.get("config_groups", {}).values()
    kinds = {
        (w.get("num_bits"), w.get("type"), w.get("strategy"), w.get("symmetric"))
        for w in (group.get("weights") or {} for group in groups)
    }
    layout = (tree.get("quant_method"), tree.get("format"))
    if layout != ("compressed-tensors", FORMAT) or kinds != {(8, "int", "channel", True)}:
        raise BadInput(
            str(path),
            f"its weights are quantized as {' '.join(str(part) for part in layout)}",
            "Of quantized models, only int8 with one scale a row can be loaded",
        )


def _int8_class(module: nn.Module) -> type[Int8Linear]:
    return Int8Embedding if isinstance(module, nn.Embedding) else Int8Linear


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
