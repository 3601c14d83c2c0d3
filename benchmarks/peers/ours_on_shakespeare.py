"""Child process: ours on tinyshakespeare's characters. ``python -m ... JOB.json``; prints JSON.

The job names one of ``RUNS``; the model and the training of each stand here, to be tuned. The
clock is that of ``model.training``: its steps, as nanoGPT's is the sum of its steps.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.peers.data import characters, tinyshakespeare, windows
from benchmarks.peers.ours import write_windows
from model.architectures import build
from model.config import ModelConfig
from model.language_model import LanguageModel
from model.options import Training, uses_bfloat16
from model.training import train

CONTEXT, WIDTH, LAYERS = 64, 128, 4
"""nanoGPT's, from its README's section for a processor."""


@dataclass(frozen=True)
class Run:
    """What ours does with nanoGPT's model size; everything that may be tuned is here.

    ``model`` and ``training`` go to ``ModelConfig`` and ``Training`` as they are.
    """

    tokens: int
    batch: int
    training: Mapping[str, Any]
    model: Mapping[str, Any] = field(
        default_factory=lambda: {
            "num_heads": 2,  # of 64 numbers; nanoGPT has 4 of 32
            "num_key_value_heads": 2,
            "head_dim": 64,
            # 3 x 128 x 352 against nanoGPT's 2 x 128 x 512: 3 % more.
            "intermediate_size": 352,
        }
    )


RUNS: Mapping[str, Run] = {
    # To a loss of 1.88 as soon as possible: fewer tokens at a higher learning rate.
    "target": Run(
        tokens=256_000,
        batch=16,
        training={
            "optimizer": "muon",
            "learning_rate": 7e-3,
            "weight_decay": 0.0,
            "schedule": "linear",
            "warmup_share": 0.02,
            "precision": "auto",
        },
    ),
    # The lowest loss that nanoGPT's 2,000 x 12 x 64 tokens buy.
    "budget": Run(
        tokens=2000 * 12 * 64,
        batch=12,
        training={
            "optimizer": "muon",
            "learning_rate": 1e-2,
            "weight_decay": 0.0,
            "schedule": "linear",
            "warmup_share": 0.02,
            "precision": "auto",
        },
    ),
}


def rows_of(ids: np.ndarray, count: int) -> list[np.ndarray]:
    """At least ``count`` windows, in whole passes over the text; each pass cuts it elsewhere.

    So a second pass is not the first again; nanoGPT draws each window's place at random.
    """
    parts: list[np.ndarray] = []
    # Multiples of the golden section's share spread out best, however many there are.
    while sum(len(part) for part in parts) < count:
        parts.append(windows(ids, CONTEXT, int(len(parts) * 0.618 * CONTEXT) % CONTEXT))
    return parts


@torch.no_grad()
def whole_validation_loss(model: LanguageModel, ids: np.ndarray, precision: Any) -> float:
    """Mean loss over windows side by side, every position predicted: as for nanoGPT."""
    count = (len(ids) - 1) // CONTEXT
    tokens = torch.from_numpy(ids.astype(np.int64))
    inputs = tokens[: count * CONTEXT].view(count, CONTEXT)
    targets = tokens[1 : count * CONTEXT + 1].view(count, CONTEXT)
    total = 0.0
    with torch.autocast("cpu", torch.bfloat16, enabled=uses_bfloat16(precision)):
        for x, y in zip(inputs.split(128), targets.split(128), strict=True):
            scores = model(x).float().flatten(0, 1)
            total += float(F.cross_entropy(scores, y.flatten(), reduction="sum"))
    return total / targets.numel()


def main() -> None:
    """Train one run, measure it, print it."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    run = RUNS[job["run"]]
    ids, validation, vocabulary = characters(tinyshakespeare())
    steps = int(run.tokens * job["share"]) // (run.batch * CONTEXT)
    with tempfile.TemporaryDirectory() as folder:
        parts = rows_of(ids, steps * run.batch)
        rows = write_windows(Path(folder) / "rows.arrow", parts)
        model = build(
            ModelConfig(
                vocab_size=vocabulary,
                hidden_size=WIDTH,
                num_layers=LAYERS,
                context_length=CONTEXT,
                **run.model,
            )
        )
        model.init_weights(job["seed"], zero_outputs=True)
        options = Training(steps=steps, batch_size=run.batch, seed=job["seed"], **run.training)
        trained = train(model, options, rows, Path(folder))
    loss = whole_validation_loss(model.eval(), validation, options.precision)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    tokens = steps * run.batch * CONTEXT
    result = {"seconds": trained.seconds, "loss": loss, "tokens": tokens, "parameters": parameters}
    print("result", json.dumps(result))


if __name__ == "__main__":
    main()
