"""What the two training stages share: their parameters, progress and report."""

import os
from collections.abc import Callable
from typing import Any

from model.options import Training
from model.training import Trained
from tasks.params_training import TrainingParams
from tasks.progress import Progress
from tasks.stage import WORK


def training_options(
    params: TrainingParams,
    context_length: int,
    seed: int,
    *,
    batch_size: int,
    learning_rate: float,
    section: str,
) -> Training:
    """The choices of a run; its budget in tokens becomes one in steps, at least one.

    Args:
        section: of params.yaml, for errors to name.
    """
    if params.compile:
        # Beside the stages' folders, not in one: compiled code outlives the run.
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((WORK / "compile").resolve()))
    return Training(
        steps=max(1, params.tokens // (batch_size * context_length)),
        batch_size=batch_size,
        seed=seed,
        learning_rate=learning_rate,
        optimizer=params.optimizer,
        weight_decay=params.weight_decay,
        schedule=params.schedule,
        warmup_share=params.warmup_share,
        decay_share=params.decay_share,
        decay_factor=params.decay_factor,
        clip_norm=params.clip_norm or None,
        label_smoothing=params.label_smoothing,
        accumulate=params.accumulate,
        precision=params.precision,
        recompute=params.recompute,
        compile=params.compile,
        deterministic=params.deterministic,
        spike_factor=params.spike_factor,
        checkpoint_seconds=params.checkpoint_seconds,
        section=section,
    )


def progress_in_tokens(
    progress: Progress, steps: int, step_tokens: int
) -> Callable[[int, float, float], None]:
    """What ``train`` reports, as ``progress`` wants it."""

    def show(step: int, loss: float, tokens_per_second: float) -> None:
        progress(
            step * step_tokens,
            steps * step_tokens,
            "tokens",
            loss=round(loss, 3),
            tokens_per_second=round(tokens_per_second),
        )

    return show


def course(trained: Trained) -> dict[str, Any]:
    """The last point of each curve, the pace, and what went wrong on the way."""
    last = {point["split"]: point["loss"] for point in trained.curve}
    return {
        "loss": last["train"],
        "validation_loss": last.get("validation"),
        "tokens_per_second": round(trained.tokens_per_second, 1),
        "seconds": round(trained.seconds, 1),
        "skipped_batches": trained.skipped_batches,
        "rollbacks": trained.rollbacks,
    }
