"""What the two training stages share: their parameters, progress and report."""

from collections.abc import Callable
from typing import Any

from model.training import Trained, Training
from tasks.params import TrainingParams
from tasks.progress import Progress


def training_options(
    params: TrainingParams,
    context_length: int,
    seed: int,
    *,
    batch_size: int,
    learning_rate: float,
) -> Training:
    """The choices of a run; its budget in tokens becomes one in steps, at least one."""
    return Training(
        steps=max(1, params.tokens // (batch_size * context_length)),
        batch_size=batch_size,
        seed=seed,
        learning_rate=learning_rate,
        optimizer=params.optimizer,
        weight_decay=params.weight_decay,
        schedule=params.schedule,
        warmup_share=params.warmup_share,
        precision=params.precision,
        checkpoint_seconds=params.checkpoint_seconds,
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


def losses_and_speed(trained: Trained) -> dict[str, Any]:
    """The last point of each curve, and the pace."""
    last = {point["split"]: point["loss"] for point in trained.curve}
    return {
        "loss": last["train"],
        "validation_loss": last.get("validation"),
        "tokens_per_second": round(trained.tokens_per_second, 1),
        "seconds": round(trained.seconds, 1),
    }
