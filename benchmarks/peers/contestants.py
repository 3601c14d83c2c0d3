"""Who takes part, which settings each is tried at, and how it is started.

nanoGPT trains in float32 on a processor whatever its ``dtype`` says (its autocast is for CUDA
only), so only ``compile`` and the batch are left to choose. litgpt calls its precisions
``32-true``, ``bf16-mixed`` and ``bf16-true``.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.peers.install import cache, nanogpt, python_of
from benchmarks.peers.shapes import Setting, Shape
from benchmarks.peers.turns import Command

STEPS = 100_000
"""More than any of them gets to: they are stopped."""

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Contestant:
    """The precisions, and so on, of which each combination is tried."""

    name: str
    precisions: Sequence[str]
    compiled: Sequence[bool]
    optimizers: Sequence[str] = ("adamw",)

    def settings(self, shape: Shape) -> list[Setting]:
        """All at the issue's batch and heads."""
        return [
            Setting(precision, compiled, shape.batches[0], shape.heads[0], optimizer)
            for precision in self.precisions
            for compiled in self.compiled
            for optimizer in self.optimizers
        ]


OURS = "ours"
CONTESTANTS: Mapping[str, Contestant] = {
    contestant.name: contestant
    for contestant in (
        Contestant(OURS, ("fp32", "bf16"), (False, True), ("adamw", "muon")),
        Contestant("nanogpt", ("fp32",), (False, True)),
        Contestant("litgpt", ("32-true", "bf16-mixed", "bf16-true"), (False, True)),
        Contestant("trainer", ("fp32", "bf16"), (False, True)),
    )
}


def prepare(names: Sequence[str]) -> None:
    """Bring what these need, before any clock runs."""
    for name in names:
        if name == "nanogpt":
            nanogpt()
        elif name != OURS:
            python_of(name)


def limits(threads: int) -> dict[str, str]:
    """Environment: so many threads, nothing said to the outside."""
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        # Kept from run to run: compiling takes most of a heat's time.
        "TORCHINDUCTOR_CACHE_DIR": str(cache() / "inductor"),
        "PYTHONPATH": "",
    }


def command(
    name: str,
    shape: Shape,
    setting: Setting,
    data: Path,
    threads: int,
    own: Mapping[str, object] | None = None,
) -> Command:
    """How a contestant is started.

    Args:
        data: a folder with ``train.bin``, ``val.bin`` and ``meta.pkl``; written to, too.
        own: what is ours alone, by the names of the job.
    """
    if name == "nanogpt":
        return nanogpt_command(
            shape,
            setting,
            data,
            threads,
            # Evaluated once, before the first step: that it always does.
            {"max_iters": STEPS, "lr_decay_iters": STEPS, "eval_interval": STEPS, "eval_iters": 1},
        )
    folder = data / f"{name} {setting}".replace(" ", "-").replace(",", "")
    folder.mkdir(exist_ok=True)
    job = {
        **asdict(setting),
        "layers": shape.layers,
        "width": shape.width,
        "vocabulary": shape.vocabulary,
        "context": shape.context,
        "threads": threads,
        "steps": STEPS,
        "data": str(data / "train.bin"),
        "folder": str(folder),
        "architecture": "qwen3",
        "deterministic": True,
        "longest": None,
        **(own or {}),
    }
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    environment = limits(threads)
    if name == OURS:
        arguments = [sys.executable, "-m", "benchmarks.peers.ours", str(path)]
        return Command(arguments, ROOT, environment)
    if not setting.compiled:
        environment["TORCHDYNAMO_DISABLE"] = "1"
    # -P: without the script's folder among the places that modules are looked for.
    arguments = [str(python_of(name)), "-P", str(HERE / f"run_{name}.py"), str(path)]
    return Command(arguments, folder, environment)


def nanogpt_command(
    shape: Shape, setting: Setting, data: Path, threads: int, run: Mapping[str, int | bool]
) -> Command:
    """nanoGPT's own ``train.py`` with the settings of its README's section for a processor.

    Args:
        run: what differs, by the names of ``train.py``.
    """
    options: dict[str, object] = {
        "device": "cpu",
        "compile": setting.compiled,
        "eval_iters": 20,
        "log_interval": 1,
        "block_size": shape.context,
        "batch_size": setting.batch,
        "n_layer": shape.layers,
        "n_head": setting.heads,
        "n_embd": shape.width,
        "dropout": 0.0,
        # An absolute path: train.py joins it to "data", which leaves it as it is.
        "dataset": str(data.resolve()),
        "out_dir": str(data / "nanogpt-out"),
        **run,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    arguments = [sys.executable, "train.py", "config/train_shakespeare_char.py", *given]
    return Command(arguments, nanogpt(), limits(threads), r"iter (\d+): ")


def ceiling_command(precision: str, threads: int) -> Command:
    """How the matrix products are started."""
    arguments = [sys.executable, "-P", str(HERE / "ceiling.py"), precision, str(threads)]
    return Command(arguments, HERE, limits(threads))
