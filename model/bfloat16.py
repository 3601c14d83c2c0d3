"""Where the hardware multiplies bfloat16 itself.

A processor that does not, as all that stop at AVX2, leaves it to torch, which then takes up to a
hundred times as long as in float32 (768 x 768 weights, 256 rows: 2 ms, and 30 to 90; torch 2.13).
"""

from functools import cache

import torch


@cache
def is_native(device_type: str) -> bool:
    """Whether a kind of device ("cpu", "cuda") multiplies bfloat16 as it is.

    Of ARM processors it is not known here whether torch makes use of what they have: not measured.
    """
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type != "cpu":
        return True
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def for_products(dtype: torch.dtype, device_type: str) -> torch.dtype:
    """The type to multiply in where the numbers are of ``dtype``.

    While a graph is compiled that is ``dtype``: the compiler cannot follow the question.
    """
    if dtype != torch.bfloat16 or torch.compiler.is_compiling() or is_native(device_type):
        return dtype
    return torch.float32
