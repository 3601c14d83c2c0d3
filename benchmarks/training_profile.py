"""Where a training step's time goes: matrix products, attention, loss, optimizer, data, Python.

Run as ``python -m benchmarks.training_profile`` from the project's folder; a minute or two. It
profiles ``model.training.train`` itself on the two models of benchmarks/peers/shapes.py. A
kernel's time is that which torch's profiler gives to the operation alone, so the rest of a step
(Python, autograd's own work, Lightning) is what no operation took. The profiler makes each
operation some microseconds longer; the step's length without it stands in the title. While it is
at work, what a step allocated is not given back, a gigabyte a step of the second model, which is
why few steps are profiled.

Achieved FLOP/s are of the products' own shapes, their ceiling is that of a square one of 2,048,
measured just before.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from benchmarks.peers.ceiling import FLOPS, SIDE
from benchmarks.peers.data import tokens_of, windows
from benchmarks.peers.machine import described, physical_cores
from benchmarks.peers.ours import SETTINGS, untrained, write_windows
from benchmarks.peers.shapes import SHAPES, Setting, Shape
from model.options import Training, uses_bfloat16
from model.training import train

WARM = 5
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::mkldnn_linear")
REST = "Python, autograd, Lightning"

# The first scope that an operation is in decides; by parts of the scopes' names.
SCOPES = {
    "CrossEntropy": "loss",
    "Optimizer.": "optimizer",
    "DataLoader": "data",
}


@dataclass
class Part:
    """Of all profiled steps together."""

    seconds: float = 0.0
    flops: float = 0.0


def part_of(event: Any) -> str:
    """Which row of the table an operation belongs to."""
    product = event.name in PRODUCTS
    scope = event.cpu_parent
    while scope is not None:
        for word, name in SCOPES.items():
            if word in scope.name:
                if name == "data":
                    return name
                return f"{name}: products" if product else f"{name}: the rest"
        scope = scope.cpu_parent
    # In the layers only attention multiplies by batches: short rows on a processor are folded
    # into it (model/attention.py), longer ones go to torch's own kernel.
    if event.name in ("aten::bmm", "aten::baddbmm"):
        return "attention: products"
    if "scaled_dot_product" in event.name or "softmax" in event.name:
        return "attention: the rest"
    if product:
        return "layers: products"
    if "_foreach" in event.name or "vector_norm" in event.name:
        return "clipping"
    return "layers: the rest"


def attention_flops(event: Any) -> float:
    """Of one call, by the shape of its queries: the profiler does not know.

    Two products over the whole square forward, five backward, of which a causal one needs half.
    """
    backward = event.name.endswith("backward")
    # Backward has the gradient first, of the same shape.
    rows, heads, tokens, head_dim = event.input_shapes[0]
    return (5 if backward else 2) * 2 * rows * heads * tokens**2 * head_dim / 2


def parts(events: Any, wall: float) -> dict[str, Part]:
    """The table's rows, in no order; ``wall``: seconds that the events took altogether."""
    made: dict[str, Part] = defaultdict(Part)
    for event in events:
        if not event.name.startswith("aten::"):
            continue
        part = made[part_of(event)]
        part.seconds += event.self_cpu_time_total / 1e6
        if event.name.startswith("aten::_scaled_dot_product_flash"):
            part.flops += attention_flops(event)
        elif event.name in PRODUCTS:
            part.flops += event.flops or 0
    made[REST].seconds = wall - sum(part.seconds for part in made.values())
    return made


def ceiling(dtype: torch.dtype) -> float:
    """FLOP/s of the median of some square products."""
    left, right = torch.randn(2, SIDE, SIDE).to(dtype).unbind()
    seconds = []
    for _ in range(12):
        began = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - began)
    return FLOPS / statistics.median(seconds[2:])


def profiled(shape: Shape, setting: Setting, steps: int) -> Table:
    """Train, profile and draw up the table."""
    bfloat16 = uses_bfloat16(setting.precision)  # type: ignore[arg-type]
    top = ceiling(torch.bfloat16 if bfloat16 else torch.float32)
    profiler = profile(activities=[ProfilerActivity.CPU], record_shapes=True, with_flops=True)
    times: list[float] = []

    def on_progress(step: int, loss: float, speed: float) -> None:
        # Runs of up to 200 steps are told of step by step.
        times.append(time.perf_counter())
        if step == WARM + steps:
            profiler.start()
            times[-1] = time.perf_counter()
        elif step == WARM + 2 * steps:
            profiler.stop()

    job = {
        **asdict(setting),
        "layers": shape.layers,
        "width": shape.width,
        "vocabulary": shape.vocabulary,
        "context": shape.context,
    }
    with tempfile.TemporaryDirectory() as folder:
        rows = write_windows(
            Path(folder) / "rows.arrow", [windows(tokens_of(shape)[0], shape.context)]
        )
        options = Training(
            steps=WARM + 2 * steps,
            batch_size=setting.batch,
            seed=0,
            precision=setting.precision,  # type: ignore[arg-type]
            checkpoint_seconds=1e9,
            **SETTINGS[setting.optimizer],
        )
        train(untrained(job), options, rows, Path(folder), on_progress=on_progress)
    laps = np.diff(times)
    plain = float(np.median(laps[WARM : WARM + steps - 1]))
    wall = times[-1] - times[WARM + steps - 1]
    title = (
        f"{shape}\n{setting}: {plain * 1000:.1f} ms a step, "
        f"{wall / steps * 1000:.1f} under the profiler; ceiling {top / 1e9:,.0f} GFLOP/s"
    )
    made = Table(title=title)
    for column in ("", "ms a step", "share", "GFLOP/s", "share of ceiling"):
        made.add_column(column, justify="right" if column else "left")
    for name, part in ordered(parts(profiler.events(), wall)):
        cells = [f"{part.seconds / steps * 1000:.2f}", f"{part.seconds / wall:.1%}"]
        if part.flops:
            pace = part.flops / part.seconds
            cells += [f"{pace / 1e9:,.0f}", f"{pace / top:.0%}"]
        made.add_row(name, *cells)
    return made


def ordered(made: dict[str, Part]) -> Iterator[tuple[str, Part]]:
    """The largest first."""
    yield from sorted(made.items(), key=lambda item: -item[1].seconds)


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description="Where a training step's time goes")
    parser.add_argument("--model", choices=SHAPES, help="one of the two; default both")
    parser.add_argument("--optimizer", choices=SETTINGS, help="default each")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    parser.add_argument("--batch", type=int, help="rows a step (default: the issue's)")
    parser.add_argument("--steps", type=int, default=4, help="to profile (default 4, at most 90)")
    parser.add_argument("--threads", type=int, default=physical_cores())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(described(arguments.threads))
    console = Console(width=110)
    for shape in [SHAPES[arguments.model]] if arguments.model else SHAPES.values():
        for optimizer in [arguments.optimizer] if arguments.optimizer else SETTINGS:
            setting = Setting(
                arguments.precision,
                False,
                arguments.batch or shape.batches[0],
                shape.heads[0],
                optimizer,
            )
            console.print(profiled(shape, setting, min(arguments.steps, 90)))


if __name__ == "__main__":
    main()
