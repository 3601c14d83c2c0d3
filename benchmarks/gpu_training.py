"""Tokens a second on a GPU of GPT-2 with 124 M parameters: ours and nanoGPT's, in bfloat16.

Run as ``python -m benchmarks.gpu_training`` from the project's folder, on a machine with a GPU of
24 GB or more: some four minutes. nanoGPT's own ``train.py`` runs with its own settings for this
model, but for the batch: 32 rows of 1,024 tokens at a time, for all.

One after the other, each alone on the GPU, with its median of three turns (benchmarks/peers).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import OURS, command, nanogpt_command, prepare
from benchmarks.peers.data import write_bins
from benchmarks.peers.machine import described
from benchmarks.peers.shapes import GPT2_124M, Setting
from benchmarks.peers.turns import Command, Racer, end_with_us, take_turns

SIDE = 8192
SETTING = Setting("bf16", compiled=True, batch=GPT2_124M.batches[0], heads=GPT2_124M.heads[0])
OWN: Mapping[str, Mapping[str, object]] = {
    "ours": {"deterministic": False},
    "ours exact": {},
    "ours with Muon": {"deterministic": False, "optimizer": "muon"},
    "ours not compiled": {"deterministic": False, "compiled": False},
    "ours on documents": {"deterministic": False, "longest": 512},
    "ours as Qwen3": {"deterministic": False, "architecture": "qwen3"},
}
NANOGPT = {"device": "cuda", "max_iters": 10**6, "lr_decay_iters": 10**6, "eval_interval": 10**6}
NANOGPT |= {"eval_iters": 1, "log_interval": 5, "bias": True}


def ceiling() -> float:
    """FLOP/s of bfloat16 products of two square matrices of random numbers, the median."""
    left, right = torch.randn(2, SIDE, SIDE, device="cuda", dtype=torch.bfloat16).unbind()
    seconds = []
    for _ in range(20):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(10):
            torch.mm(left, right)
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - began) / 10)
    return 2 * SIDE**3 / statistics.median(seconds[5:])


@contextmanager
def contestants() -> Iterator[dict[str, Command]]:
    """Their commands, over data in a folder that goes with them."""
    with tempfile.TemporaryDirectory() as folder:
        write_bins(GPT2_124M, Path(folder))
        commands = {"nanoGPT": nanogpt_command(GPT2_124M, SETTING, Path(folder), 4, NANOGPT)}
        for number, (name, own) in enumerate(OWN.items()):
            data = Path(folder) / str(number)
            data.mkdir()
            (data / "train.bin").symlink_to(Path(folder) / "train.bin")
            commands[name] = command(
                OURS, GPT2_124M, SETTING, data, 4, {"architecture": "gpt2", **own}
            )
        yield commands


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of a turn (default 5)")
    parser.add_argument("--only", help=f"of nanoGPT, {', '.join(OWN)}, by commas; default all")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("there is no GPU here")
    end_with_us()
    prepare(["nanogpt"])
    print(described(4))
    print(f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}")
    tokens = SETTING.batch * GPT2_124M.context
    paces: dict[str, float] = {}
    top = ceiling()
    torch.cuda.empty_cache()
    with contestants() as commands:
        chosen = arguments.only.split(",") if arguments.only else list(commands)
        for name in chosen:
            with Racer(name, commands[name]) as racer:
                racer.wait_until_warm()
                take_turns([racer], 3, arguments.seconds)
                paces[name] = racer.pace * tokens
            print(name, racer.failure or f"{paces[name]:,.0f} tokens/s", flush=True)
    made = Table(
        title=str(GPT2_124M),
        caption=f"ceiling {top / 1e12:,.0f} TFLOP/s, bfloat16 products of {SIDE:,} by {SIDE:,}; "
        f"{GPT2_124M.flops_per_token / 1e6:.0f} MFLOP a token",
    )
    for column in ("", "tokens/s", "of nanoGPT's", "TFLOP/s", "share of ceiling"):
        made.add_column(column, justify="left" if not column else "right")
    for name, pace in paces.items():
        flops = pace * GPT2_124M.flops_per_token
        ratio = pace / paces["nanoGPT"] if paces.get("nanoGPT") else 0.0
        made.add_row(
            name, f"{pace:,.0f}", f"{ratio:.2f}x", f"{flops / 1e12:,.0f}", f"{flops / top:.0%}"
        )
    Console(width=100).print(made)


if __name__ == "__main__":
    main()
