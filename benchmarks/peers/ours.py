"""This project as a contestant: what it builds and how it trains, and the process that does it.

``python -m benchmarks.peers.ours JOB.json`` trains as ``chatwright run`` does: ``model.training``
on a file of rows, with Lightning, checkpoints and progress.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.data import windows
from chatwright.environment import set_quiet_defaults
from model.architectures import build
from model.config import ModelConfig
from model.language_model import LanguageModel
from model.options import Training
from model.rows import write_rows
from model.training import train

SETTINGS: dict[str, dict[str, Any]] = {
    "adamw": {"optimizer": "adamw", "learning_rate": 2e-3},
    "muon": {"optimizer": "muon", "learning_rate": 5e-3},
}
"""Ways to train that may contend for the speed; tune here."""


def untrained(job: dict[str, Any]) -> LanguageModel:
    """The model of a job, untrained: the place where ours is chosen."""
    width, architecture = job["width"], job.get("architecture", "qwen3")
    model = build(
        ModelConfig(
            architecture=architecture,
            vocab_size=job["vocabulary"],
            hidden_size=width,
            num_layers=job["layers"],
            num_heads=job["heads"],
            num_key_value_heads=job["heads"],
            head_dim=width // job["heads"],
            # Three matrices of 8/3 of the width are as large as the peers' two of 4; rounded up.
            intermediate_size=(
                4 * width if architecture == "gpt2" else -(-width * 8 // 3 // 32) * 32
            ),
            context_length=job["context"],
        )
    )
    model.init_weights(0, zero_outputs=True)
    return model


def write_windows(path: Path, parts: list[np.ndarray], longest: int | None = None) -> Path:
    """A file of rows; ``parts`` are int32 ``(windows, context)``.

    Args:
        longest: of the documents in a row, which are of any length up to this; None: each row is
            one document.
    """
    write_rows(
        path,
        ({"input_ids": part, "position_ids": _positions(part.shape, longest)} for part in parts),
    )
    return path


def _positions(shape: tuple[int, ...], longest: int | None) -> np.ndarray:
    places = np.arange(shape[1])
    if longest is None:
        return np.tile(places, (shape[0], 1))
    begins = np.random.default_rng(0).random(shape) < 2 / longest
    begins |= places % longest == 0
    return places - np.maximum.accumulate(np.where(begins, places, 0), axis=1)


def main() -> None:
    """Train until killed."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    set_quiet_defaults()
    torch.set_num_threads(job["threads"])
    with tempfile.TemporaryDirectory(dir=job["folder"]) as folder:
        ids = np.fromfile(job["data"], np.uint16)
        rows = write_windows(
            Path(folder) / "rows.arrow", [windows(ids, job["context"])], job["longest"]
        )
        train(
            untrained(job),
            Training(
                steps=job["steps"],
                batch_size=job["batch"],
                seed=0,
                precision=job["precision"],
                compile=job["compiled"],
                deterministic=job["deterministic"],
                **SETTINGS[job["optimizer"]],
            ),
            rows,
            Path(folder),
            on_progress=lambda step, loss, speed: print("step", step, flush=True),
        )


if __name__ == "__main__":
    main()
