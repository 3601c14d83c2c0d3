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
    width = job["width"]
    model = build(
        ModelConfig(
            vocab_size=job["vocabulary"],
            hidden_size=width,
            num_layers=job["layers"],
            num_heads=job["heads"],
            num_key_value_heads=job["heads"],
            head_dim=width // job["heads"],
            # Three matrices of 8/3 of the width are as large as the peers' two of 4; rounded up.
            intermediate_size=-(-width * 8 // 3 // 32) * 32,
            context_length=job["context"],
        )
    )
    model.init_weights(0, zero_outputs=True)
    return model


def write_windows(path: Path, parts: list[np.ndarray]) -> Path:
    """A file of rows, each one document; ``parts`` are int32 ``(windows, context)``."""
    write_rows(
        path,
        (
            {"input_ids": part, "position_ids": np.tile(np.arange(part.shape[1]), (len(part), 1))}
            for part in parts
        ),
    )
    return path


def main() -> None:
    """Train until killed."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    with tempfile.TemporaryDirectory(dir=job["folder"]) as folder:
        ids = np.fromfile(job["data"], np.uint16)
        rows = write_windows(Path(folder) / "rows.arrow", [windows(ids, job["context"])])
        train(
            untrained(job),
            Training(
                steps=job["steps"],
                batch_size=job["batch"],
                seed=0,
                precision=job["precision"],
                compile=job["compiled"],
                **SETTINGS[job["optimizer"]],
            ),
            rows,
            Path(folder),
            on_progress=lambda step, loss, speed: print("step", step, flush=True),
        )


if __name__ == "__main__":
    main()
