"""Tokens a second and peak memory of training: ours, nanoGPT, litgpt and transformers' Trainer.

Run as ``python -m benchmarks.training_speed`` from the project's folder: two models, about six
minutes each on two cores, the first time a few more, for nanoGPT is fetched and litgpt and
transformers are installed into a cache (benchmarks/peers/install.py). ``--model a`` and
``--only nanogpt,trainer`` run a part.

First each contestant is tried at its own combinations of precision, compiling and optimizer, and
the quickest of them at the other batch sizes (a) or head sizes (b). Then the best of each, ours
with Muon too, and plain matrix products take turns (benchmarks/peers/turns.py); medians count.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.peers.contestants import CONTESTANTS, OURS, ceiling_command, command, prepare
from benchmarks.peers.data import write_bins
from benchmarks.peers.machine import described, physical_cores
from benchmarks.peers.shapes import SHAPES, Setting, Shape
from benchmarks.peers.turns import Command, Racer, end_with_us, take_turns

PRODUCT_FLOPS = 2 * 2048**3
"""Of one line of benchmarks/peers/ceiling.py, which is not imported: it brings torch."""

SHARE_GOAL = 0.5


@dataclass
class Final:
    """What the last round measured: by contestant, and FLOP/s of the products by precision."""

    settings: Mapping[str, Setting]
    racers: Mapping[str, Racer]
    ceilings: Mapping[str, float]


class Trial:
    """One model: the heats that find each contestant's best setting, then the final.

    Args:
        data: a folder with the tokens, for the contestants to write in.
        seconds: of a turn.
    """

    def __init__(self, shape: Shape, threads: int, seconds: float, data: Path) -> None:
        self.shape, self.threads, self.seconds, self.data = shape, threads, seconds, data

    def best(self, name: str) -> dict[str, Setting]:
        """The setting that a contestant is quickest with; one for each of its optimizers.

        Empty where it cannot run at all, which has then been printed.
        """
        paces = self._heat(name, CONTESTANTS[name].settings(self.shape))
        chosen = {}
        for optimizer in CONTESTANTS[name].optimizers:
            own = {setting: paces[setting] for setting in paces if setting.optimizer == optimizer}
            quickest = max(own, key=lambda setting: own[setting])
            others = [replace(quickest, batch=batch) for batch in self.shape.batches[1:]]
            others += [replace(quickest, heads=heads) for heads in self.shape.heads[1:]]
            own |= self._heat(name, others)
            quickest = max(own, key=lambda setting: own[setting])
            if own[quickest] > 0:
                chosen[name if optimizer == "adamw" else f"{name}, {optimizer}"] = quickest
        return chosen

    def _heat(self, name: str, settings: Sequence[Setting]) -> dict[Setting, float]:
        """Tokens a second of one contestant's settings, printed; 0 of one that failed."""
        paces = {}
        commands = {str(setting): self._command(name, setting) for setting in settings}
        with self._warm(commands) as racers:
            take_turns(list(racers.values()), 2, self.seconds / 2)
        for setting in settings:
            racer = racers[str(setting)]
            paces[setting] = self.tokens_per_second(racer, setting)
            figures = f"{paces[setting]:9,.0f} tokens/s, {racer.peak_bytes / 2**20:6,.0f} MiB"
            print(f"  {name:8} {setting!s:45} {racer.failure or figures}", flush=True)
        return paces

    def final(self, settings: Mapping[str, Setting], rounds: int) -> Final:
        """All by turns, the products among them."""
        commands = {
            name: self._command(name.split(",")[0], setting) for name, setting in settings.items()
        }
        products = {name: ceiling_command(name, self.threads) for name in ("fp32", "bf16")}
        with self._warm({**commands, **products}) as racers:
            for _ in range(rounds):
                take_turns([racers[name] for name in commands], 1, self.seconds)
                take_turns([racers[name] for name in products], 1, self.seconds / 3)
        ceilings = {name: racers[name].pace * PRODUCT_FLOPS for name in products}
        return Final(settings, {name: racers[name] for name in commands}, ceilings)

    def tokens_per_second(self, racer: Racer, setting: Setting) -> float:
        """Of the median turn."""
        return racer.pace * setting.batch * self.shape.context

    def _command(self, name: str, setting: Setting) -> Command:
        return command(name, self.shape, setting, self.data, self.threads)

    @contextlib.contextmanager
    def _warm(self, commands: Mapping[str, Command]) -> Iterator[dict[str, Racer]]:
        """Racers, warm and stopped; ended afterwards, so that their peak memory is known."""
        with contextlib.ExitStack() as stack:
            racers = {
                name: stack.enter_context(Racer(name, given)) for name, given in commands.items()
            }
            for racer in racers.values():
                racer.wait_until_warm()
            yield racers


def table(trial: Trial, final: Final) -> Table:
    """The ratios, the goals and whether they are met."""
    shape = trial.shape
    made = Table(
        title=f"{shape}; goal: {shape.goal}x each peer's tokens/s",
        caption="; ".join(
            f"{name} ceiling {flops / 1e9:,.0f} GFLOP/s" for name, flops in final.ceilings.items()
        )
        + f"; {shape.flops_per_token / 1e6:.1f} MFLOP a token",
    )
    columns = ("", "at its best", "tokens/s", "ms a step", "ours is", "share of ceiling", "MiB")
    for column in (*columns, "of nanoGPT's"):
        made.add_column(column, justify="left" if column in columns[:2] else "right")
    speeds = {
        name: trial.tokens_per_second(final.racers[name], setting)
        for name, setting in final.settings.items()
    }
    nanogpt = final.racers.get("nanogpt")
    for name, setting in final.settings.items():
        racer, speed = final.racers[name], speeds[name]
        if not speed:
            made.add_row(name, str(setting), racer.failure)
            continue
        ratio = speeds.get(OURS, 0.0) / speed
        versus = "" if name.startswith(OURS) else f"{ratio:.2f}x {verdict(ratio >= shape.goal)}"
        ceiling = final.ceilings["bf16" if setting.precision.startswith("bf16") else "fp32"]
        share = speed * shape.flops_per_token / ceiling if ceiling else 0.0
        share_text = f"{share:.0%}"
        if name == OURS and shape.name == "b":
            share_text += f" {verdict(share >= SHARE_GOAL)}"
        memory = racer.peak_bytes / nanogpt.peak_bytes if nanogpt else 0.0
        memory_text = f"{memory:.2f}" if memory else ""
        if name == OURS and memory:
            memory_text += f" {verdict(memory <= 1)}"
        made.add_row(
            name,
            str(setting),
            f"{speed:,.0f}",
            f"{1000 / racer.pace:.1f}",
            versus,
            share_text,
            f"{racer.peak_bytes / 2**20:,.0f}",
            memory_text,
        )
    return made


def verdict(met: bool) -> str:
    """A word for the table."""
    return "(met)" if met else "(missed)"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description="Training speed against the real peers")
    parser.add_argument("--model", choices=SHAPES, help="one of the two; default both")
    parser.add_argument("--only", help=f"peers beside ours, of {', '.join(CONTESTANTS)}")
    parser.add_argument("--threads", type=int, default=physical_cores())
    parser.add_argument("--rounds", type=int, default=5, help="turns of each in the final")
    parser.add_argument("--seconds", type=float, default=4.0, help="of a turn (default 4)")
    arguments = parser.parse_args()
    peers = arguments.only.split(",") if arguments.only else list(CONTESTANTS)
    unknown = [name for name in peers if name not in CONTESTANTS]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; choose of {', '.join(CONTESTANTS)}")
    names = [OURS, *(name for name in peers if name != OURS)]
    end_with_us()
    prepare(names)
    print(described(arguments.threads))
    tables = []
    for shape in [SHAPES[arguments.model]] if arguments.model else SHAPES.values():
        print(f"\n{shape}: each at its settings", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            write_bins(shape, Path(folder))
            trial = Trial(shape, arguments.threads, arguments.seconds, Path(folder))
            settings: dict[str, Setting] = {}
            for name in names:
                settings |= trial.best(name)
            tables.append(table(trial, trial.final(settings, arguments.rounds)))
    console = Console(width=140)
    for made in tables:
        console.print(made)


if __name__ == "__main__":
    main()
