"""Child process: products of two square matrices for ever. ``python -P ceiling.py bf16 2``.

The arguments are the precision and the threads. Each line on the output is one product, so it can
take turns with those who train.
"""

import sys

import torch

SIDE = 2048
FLOPS = 2 * SIDE**3
"""Of one product."""


def main() -> None:
    """Multiply until killed."""
    precision, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]
    left, right = torch.randn(2, SIDE, SIDE).to(dtype).unbind()
    out = torch.empty_like(left)
    step = 0
    while True:
        torch.mm(left, right, out=out)
        step += 1
        print("step", step, flush=True)


if __name__ == "__main__":
    main()
