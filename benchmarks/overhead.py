"""What Lightning, the progress bar and MLflow tracking cost, over a bare loop of the same steps.

Run as ``python -m benchmarks.overhead`` from the project's folder, on a machine that does nothing
else. The bare loop is all that training has to do: batch, forward, backward, clip, update. The
others add one thing each. All take the same batches, model and optimizers, their turns alternate,
and each one's best turn counts, so that what else the machine does falls out. The time that this
process spent on its processors is shown too: it hardly depends on the neighbours.

Expected on two cores: each ratio within 0.99 to 1.03.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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
from model.rows import Rows, write_rows
from model.schedule import learning_rate_factor
from model.training import Training, train, uses_bfloat16
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


def bare_loop(size: str, rows: Path, options: Training) -> Clock:
    """Seconds of the steps after the warm-up, with nothing around them."""
    model = new_model(size)
    bfloat16 = uses_bfloat16(options.precision)
    batches = StepBatches(Rows(rows), options.batch_size, options.seed)
    made = optimizers(
        model,
        algorithm=options.optimizer,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        dtype=torch.bfloat16 if bfloat16 else torch.float32,
    )
    began = now()
    for step in range(options.steps):
        if step == WARMUP:
            began = now()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = next_token_loss(model, **batches[step])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip_norm)
        rate = options.learning_rate * learning_rate_factor(step, options.steps, warmup_steps=1)
        for optimizer in made:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
    return between(began, now())


def with_lightning(
    size: str,
    rows: Path,
    options: Training,
    *,
    show: Callable[[int, float, float], None] = lambda step, loss, speed: None,
    note: Callable[[Point], None] = lambda point: None,
) -> Clock:
    """Seconds of the same steps by ``model.training.train``, its callbacks included."""
    times: dict[int, Clock] = {}

    def on_progress(step: int, loss: float, speed: float) -> None:
        show(step, loss, speed)
        times[step] = now()

    with tempfile.TemporaryDirectory() as folder:
        train(new_model(size), options, rows, Path(folder), on_progress=on_progress, on_point=note)
    # The last step is left out on both sides: a run's last checkpoint falls into it.
    return between(times[WARMUP], times[options.steps - 1])


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
    parser.add_argument("--steps", type=int, default=20, help="a turn (default 20)")
    parser.add_argument("--turns", type=int, default=8, help="of each (default 8)")
    arguments = parser.parse_args()
    batch_size = SIZES[arguments.size].batch_size
    options = Training(
        steps=arguments.steps + WARMUP + 1,
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
            table = measured(arguments.size, rows, options, arguments.turns)
            ship_all(60)
        finally:
            os.chdir(home)
    Console().print(table)


def measured(size: str, rows: Path, options: Training, turns: int) -> Table:
    """Let all take their turns and draw up the table."""
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

    ways: dict[str, Callable[[], Clock]] = {
        "bare loop": lambda: bare_loop(size, rows, options),
        "with Lightning": lambda: with_lightning(size, rows, options),
        "and the progress bar": lambda: with_lightning(size, rows, options, show=show),
        "and MLflow tracking": lambda: with_lightning(size, rows, options, show=show, note=note),
    }
    seconds: dict[str, list[Clock]] = {name: [] for name in ways}
    for turn in range(turns):
        # Each begins in its turn: a machine that gets busier or hotter favours nobody.
        order = list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]
        for name in order:
            # The bare loop counts one step more: the others' clocks stop at their last but one.
            steps = options.steps - WARMUP - (0 if name == "bare loop" else 1)
            wall, processor = ways[name]()
            seconds[name].append((wall / steps, processor / steps))
    display.close()
    spool.append("end", status="FINISHED", report={})
    spool.close()
    close_build()
    table = Table(title=f"{size}, {options.batch_size} rows of {CONTEXT} a step, best of {turns}")
    for column in ("", "ms a step", "tokens/s", "ratio", "processor ms", "ratio"):
        table.add_column(column, justify="left" if not column else "right")

    def best(name: str) -> Clock:
        walls, processors = zip(*seconds[name], strict=True)
        return min(walls), min(processors)

    bare = best("bare loop")
    for name in ways:
        wall, processor = best(name)
        table.add_row(
            name,
            f"{wall * 1000:.1f}",
            f"{step_tokens / wall:,.0f}",
            f"{wall / bare[0]:.3f}",
            f"{processor * 1000:.1f}",
            f"{processor / bare[1]:.3f}",
        )
    saving = checkpoint_seconds(size)
    table.add_row("a checkpoint each 30 s", f"{saving * 1000:.0f}", "", f"{1 + saving / 30:.3f}")
    return table


if __name__ == "__main__":
    main()
