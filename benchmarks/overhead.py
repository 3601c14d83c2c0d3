"""What Lightning, the progress bar and MLflow tracking cost, over a bare loop of the same steps.

Run as ``python -m benchmarks.overhead`` from the project's folder. The bare loop is all that
training has to do: batch, forward, backward, clip, update. The others add one thing each. After
every step of theirs comes the same step of a bare loop, on a model of its own, so both meet the
machine in the same state; the medians are compared. The time that this process spent on its
processors is compared too: it hardly depends on what else the machine does.

Expected on two cores: each ratio within 0.99 to 1.03.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from model.callbacks import Point
from model.checkpoint import save_checkpoint
from model.config import SIZES, ModelConfig
from model.data import StepBatches
from model.objectives import next_token_loss
from model.optim import optimizers
from model.options import Training, uses_bfloat16
from model.rows import Rows, write_rows
from model.schedule import learning_rate_factor
from model.training import train
from model.transformer import Transformer
from tasks.progress import Display
from tasks.tracking.spool import Spool, close_build, ship_all, start_shipping

VOCAB, CONTEXT = 4096, 256
WARMUP = 3
"""Steps before the clock starts: oneDNN compiles its products in the first ones."""

STEPS_A_POINT = 9

Clock = tuple[float, float]
"""Seconds on the wall, and of this process's processors."""


def now() -> Clock:
    """Both clocks."""
    return time.perf_counter(), time.process_time()


def between(began: Clock, ended: Clock) -> Clock:
    """What went by on both clocks."""
    return ended[0] - began[0], ended[1] - began[1]


def random_rows(path: Path, rows: int) -> Path:
    """Rows of random tokens in documents of 90, the length of the default corpus's."""
    generator = np.random.default_rng(0)
    positions = np.tile(np.arange(CONTEXT) % 90, (rows, 1))
    write_rows(
        path,
        [{"input_ids": generator.integers(0, VOCAB, (rows, CONTEXT)), "position_ids": positions}],
    )
    return path


def new_model(size: str) -> Transformer:
    """The same untrained model each time."""
    model = Transformer(ModelConfig.from_size(size, vocab_size=VOCAB, context_length=CONTEXT))
    model.init_weights(0, zero_outputs=True)
    return model.train()


class BareLoop:
    """The steps with nothing around them."""

    def __init__(self, size: str, rows: Path, options: Training) -> None:
        self.options = options
        self.bfloat16 = uses_bfloat16(options.precision)
        self.model = new_model(size)
        self.batches = StepBatches(Rows(rows), options.batch_size, options.seed)
        self.optimizers = optimizers(
            self.model,
            algorithm=options.optimizer,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            dtype=torch.bfloat16 if self.bfloat16 else torch.float32,
        )

    def step(self, step: int) -> None:
        """One of them."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            loss = next_token_loss(self.model, **self.batches[step])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        factor = learning_rate_factor(step, self.options.steps, warmup_steps=1)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.options.learning_rate * factor
            optimizer.step()
            optimizer.zero_grad()


def with_lightning(
    size: str,
    rows: Path,
    options: Training,
    *,
    show: Callable[[int, float, float], None] = lambda step, loss, speed: None,
    note: Callable[[Point], None] = lambda point: None,
) -> tuple[Clock, Clock]:
    """Median seconds of a step by ``model.training.train`` and of the bare step after it."""
    bare = BareLoop(size, rows, options)
    ours: list[Clock] = []
    theirs: list[Clock] = []
    turned = now()

    def on_progress(step: int, loss: float, speed: float) -> None:
        nonlocal turned
        show(step, loss, speed)
        ended = now()
        bare.step(step - 1)
        ours.append(between(turned, ended))
        turned = now()
        theirs.append(between(ended, turned))

    with tempfile.TemporaryDirectory() as folder:
        train(new_model(size), options, rows, Path(folder), on_progress=on_progress, on_point=note)
    return median(ours[WARMUP:]), median(theirs[WARMUP:])


def median(clocks: list[Clock]) -> Clock:
    """Of each clock by itself."""
    walls, processors = zip(*clocks, strict=True)
    return statistics.median(walls), statistics.median(processors)


def checkpoint_seconds(size: str) -> float:
    """Seconds that one checkpoint takes."""
    model = new_model(size)
    made = optimizers(model, algorithm="muon", learning_rate=1e-3, weight_decay=0.1)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    for optimizer in made:
        optimizer.step()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        for step in range(3):
            save_checkpoint(Path(folder), step, model, made, {})
        return (time.perf_counter() - began) / 3


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="What stands around a training step, as a ratio")
    parser.add_argument("--size", default="small", choices=sorted(SIZES))
    parser.add_argument("--steps", type=int, default=60, help="of each (default 60, at most 150)")
    arguments = parser.parse_args()
    batch_size = SIZES[arguments.size].batch_size
    options = Training(
        # Up to 200 steps are told of one by one, on which the pairing relies.
        steps=min(arguments.steps, 150) + WARMUP,
        batch_size=batch_size,
        seed=1,
        learning_rate=1e-3,
        checkpoint_seconds=1e9,
    )
    with tempfile.TemporaryDirectory() as folder:
        home = Path.cwd()
        rows = random_rows(Path(folder) / "rows.arrow", 4 * batch_size)
        # Tracking writes to the folder that it stands in; its side process looks for code here.
        shutil.copy("params.yaml", folder)
        os.environ["PYTHONPATH"] = str(home)
        os.chdir(folder)
        try:
            table = measured(arguments.size, rows, options)
            ship_all(60)
        finally:
            os.chdir(home)
    Console().print(table)


def measured(size: str, rows: Path, options: Training) -> Table:
    """Run all and draw up the table."""
    display = Display("overhead")
    step_tokens = options.batch_size * CONTEXT

    def show(step: int, loss: float, speed: float) -> None:
        total = options.steps * step_tokens
        display(step * step_tokens, total, "tokens", loss=loss, tokens_per_second=speed)

    spool = Spool("overhead", {})
    start_shipping()
    spool.append("start", stage="overhead", pid=os.getpid(), commit=None, params={}, all_params={})

    def note(point: Point) -> None:
        # The default run notes a hundred points, one in nine steps; a short turn has one a step.
        if point["step"] % STEPS_A_POINT == 0:
            spool.metrics({"train_loss": point["loss"]}, point["step"])

    ways: dict[str, dict[str, Any]] = {
        "with Lightning": {},
        "and the progress bar": {"show": show},
        "and MLflow tracking": {"show": show, "note": note},
    }
    table = Table(title=f"{size}, {options.batch_size} rows of {CONTEXT} a step, median step")
    for column in ("", "ms", "bare ms", "ratio", "processor ms", "bare", "ratio "):
        table.add_column(column, justify="left" if not column else "right")
    for name, additions in ways.items():
        ours, bare = with_lightning(size, rows, options, **additions)
        cells = [
            text
            for our, their in zip(ours, bare, strict=True)
            for text in (f"{our * 1000:.1f}", f"{their * 1000:.1f}", f"{our / their:.3f}")
        ]
        table.add_row(name, *cells)
    display.close()
    spool.append("end", status="FINISHED", report={})
    spool.close()
    close_build()
    saving = checkpoint_seconds(size)
    table.add_row("a checkpoint each 30 s", f"{saving * 1000:.0f}", "", f"{1 + saving / 30:.3f}")
    return table


if __name__ == "__main__":
    main()
