"""How soon ours and nanoGPT learn tinyshakespeare's characters, and how well.

Run as ``python -m benchmarks.shakespeare`` from the project's folder; about eight minutes on two
cores. Both have 4 layers, width 128 and context 64, and the loss is that on the whole of the last
tenth of the text, in windows side by side, the same for both.

nanoGPT runs its own train.py with the settings of its README's section for a processor: 2,000
iterations of 12 x 64. Its time is that of its iterations, as it prints them. Those in which it
also evaluates and writes a checkpoint count as a median one, and its start is not counted. Its
checkpoints are copied every ``--every`` iterations and measured afterwards. Where even the last
one is above 1.88, its whole time stands for the time to 1.88, which favours it.

Ours is ``model.training.train``; its settings stand in benchmarks/peers/ours_on_shakespeare.py.
Its time is that of its steps, and its run for the target is planned to end below 1.88. The two
alternate, ours first and last.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import HERE, ROOT, limits, nanogpt_command
from benchmarks.peers.data import write_bins
from benchmarks.peers.install import nanogpt
from benchmarks.peers.machine import described, physical_cores
from benchmarks.peers.shapes import SHAPES, Setting
from chatwright.errors import ServiceUnavailable

TARGET_LOSS = 1.88
BUDGET_LOSS = 1.62
SPEED_GOAL = 6.0
ITERATIONS = 2000
SHAPE = SHAPES["a"]
ITERATION = re.compile(r"iter (\d+): loss \S+, time ([\d.]+)ms")


@dataclass(frozen=True)
class NanoGPTRun:
    """Seconds after each iteration, and where its checkpoints went, by iterations done."""

    seconds: list[float]
    checkpoints: dict[int, Path]


def nanogpt_run(folder: Path, threads: int, iterations: int, every: int) -> NanoGPTRun:
    """Run its train.py to the end, copying each checkpoint before the next overwrites it."""
    data = folder / "data"
    write_bins(SHAPE, data)
    setting = Setting("fp32", False, 12, 4)
    given = {
        "max_iters": iterations,
        "lr_decay_iters": iterations,
        "eval_interval": every,
        # A checkpoint each time; what it estimates is not used, so it need not take long.
        "eval_iters": 1,
        "always_save_checkpoint": True,
    }
    command = nanogpt_command(SHAPE, setting, data, threads, given)
    written = Path(data / "nanogpt-out" / "ckpt.pt")
    milliseconds: list[float] = []
    checkpoints: dict[int, Path] = {}
    with open(folder / "errors.txt", "w+", encoding="utf-8") as errors:
        with subprocess.Popen(
            list(command.arguments),
            cwd=command.folder,
            env={**_environment(threads), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    found = ITERATION.match(line)
                    if not found:
                        continue
                    milliseconds.append(float(found[2]))
                    done = int(found[1])
                    if done and done % every == 0:
                        # Written before this iteration, so whole; none follows for a while.
                        checkpoints[done] = Path(shutil.copy(written, folder / f"{done}.pt"))
            finally:
                process.kill()
        if iterations not in checkpoints:
            errors.seek(0)
            said = errors.read().strip().splitlines() or ["no message"]
            raise ServiceUnavailable("nanoGPT's train.py", f"it ended early: {said[-1]}")
    median = statistics.median(milliseconds)
    plain = [median if number % every == 0 else ms for number, ms in enumerate(milliseconds)]
    # A checkpoint of iteration n has seen n updates: those numbered 0 to n - 1.
    seconds = [0.0]
    for ms in plain:
        seconds.append(seconds[-1] + ms / 1000)
    return NanoGPTRun(seconds, checkpoints)


def nanogpt_losses(run: NanoGPTRun, folder: Path, threads: int) -> dict[int, float]:
    """Whole validation loss of each checkpoint, by iterations."""
    arguments = [
        str(nanogpt()),
        str(folder / "data" / "val.bin"),
        str(SHAPE.context),
        *(str(path) for path in run.checkpoints.values()),
    ]
    script = str(HERE / "nanogpt_losses.py")
    told = _told([sys.executable, "-P", script, *arguments], "losses", threads)
    return dict(told)


def ours_run(name: str, threads: int, seed: int, share: float) -> dict[str, Any]:
    """One run of ours in a process of its own: seconds, loss, tokens, parameters."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        job.write_text(json.dumps({"run": name, "threads": threads, "seed": seed, "share": share}))
        module = "benchmarks.peers.ours_on_shakespeare"
        result: dict[str, Any] = _told([sys.executable, "-m", module, str(job)], "result", threads)
    print(
        f"  ours, {name}: {result['loss']:.4f} after {result['tokens']:,} tokens "
        f"and {result['seconds']:.1f} s",
        flush=True,
    )
    return result


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, **limits(threads)}


def _told(arguments: Sequence[str], word: str, threads: int) -> Any:
    """What a child printed as JSON after a word."""
    done = subprocess.run(
        arguments, cwd=ROOT, env=_environment(threads), capture_output=True, text=True
    )
    for line in done.stdout.splitlines():
        if line.startswith(f"{word} "):
            return json.loads(line.removeprefix(word))
    said = done.stderr.strip().splitlines() or ["no message"]
    raise ServiceUnavailable(" ".join(arguments[1:4]), f"it failed: {said[-1]}")


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description="Seconds to a loss, and the loss of a budget")
    parser.add_argument("--only", choices=("ours", "nanogpt"), help="one side alone")
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--rounds", type=int, default=2, help="of each (default 2)")
    parser.add_argument("--every", type=int, default=100, help="iterations between checkpoints")
    parser.add_argument(
        "--share", type=float, default=1.0, help="of both budgets, to see that it all works"
    )
    arguments = parser.parse_args()
    threads, share = arguments.threads, arguments.share
    print(described(threads), flush=True)
    iterations = max(arguments.every, int(ITERATIONS * share))
    iterations -= iterations % arguments.every
    ours: list[dict[str, Any]] = []
    theirs: list[NanoGPTRun] = []
    losses: dict[int, float] = {}
    budget = None
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            if arguments.only != "nanogpt":
                ours.append(ours_run("target", threads, number, share))
            if arguments.only != "ours":
                home = Path(folder) / str(number)
                run = nanogpt_run(home, threads, iterations, arguments.every)
                theirs.append(run)
                # Its seed is fixed, so all its runs have the losses of one but for rounding.
                losses = losses or nanogpt_losses(run, home, threads)
                print(
                    f"  nanoGPT: {losses[iterations]:.4f} after {iterations:,} iterations "
                    f"and {run.seconds[iterations]:.1f} s",
                    flush=True,
                )
        if arguments.only != "nanogpt":
            ours.append(ours_run("target", threads, arguments.rounds, share))
            budget = ours_run("budget", threads, 0, share)
    Console(width=110).print(table(ours, budget, theirs, losses))


def table(
    ours: Sequence[dict[str, Any]],
    budget: dict[str, Any] | None,
    theirs: Sequence[NanoGPTRun],
    losses: dict[int, float],
) -> Table:
    """The figures, the goals and whether they are met."""
    made = Table(title="tinyshakespeare's characters: loss on the whole validation set")
    for column in ("", "loss", "tokens", "seconds", "goal"):
        made.add_column(column, justify="right" if column else "left")
    their_seconds = None
    if theirs:
        last = max(losses)
        reached = min((done for done in losses if losses[done] <= TARGET_LOSS), default=None)
        at = reached or last
        their_seconds = statistics.median(run.seconds[at] for run in theirs)
        name = f"nanoGPT at {at:,} iterations" + ("" if reached else f", never at {TARGET_LOSS}")
        tokens = f"{at * 12 * SHAPE.context:,}"
        made.add_row(name, f"{losses[at]:.4f}", tokens, f"{their_seconds:.1f}", "")
        if at != last:
            seconds = statistics.median(run.seconds[last] for run in theirs)
            tokens = f"{last * 12 * SHAPE.context:,}"
            made.add_row("nanoGPT at its end", f"{losses[last]:.4f}", tokens, f"{seconds:.1f}", "")
    if ours:
        seconds = statistics.median(run["seconds"] for run in ours)
        worst = max(run["loss"] for run in ours)
        goal = f"at most {TARGET_LOSS} in every run"
        if their_seconds:
            ratio = their_seconds / seconds
            met = ratio >= SPEED_GOAL and worst <= TARGET_LOSS
            goal = f"{SPEED_GOAL:.0f}x as soon: {ratio:.1f}x {'met' if met else 'missed'}"
        name = f"ours, the worst of {len(ours)} seeds"
        made.add_row(name, f"{worst:.4f}", f"{ours[0]['tokens']:,}", f"{seconds:.1f}", goal)
    if budget:
        met = "met" if budget["loss"] < BUDGET_LOSS else "missed"
        made.add_row(
            f"ours, nanoGPT's budget, {budget['parameters']:,} parameters",
            f"{budget['loss']:.4f}",
            f"{budget['tokens']:,}",
            f"{budget['seconds']:.1f}",
            f"below {BUDGET_LOSS}: {met}",
        )
    return made


if __name__ == "__main__":
    main()
