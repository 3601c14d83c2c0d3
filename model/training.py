"""Training as Lightning sees it, and the one call that does all of it.

``train`` takes a model, a file of rows and a folder for checkpoints, and goes on from the last
checkpoint in that folder if there is one. Budgets are in steps; batches, learning rate and random
numbers are functions of the step; so a run that was killed and continued ends with the same bytes
as one that was not.

Notable choices: the optimization is manual in Lightning's sense, because two optimizers share a
step; Lightning brings the devices, the precision and the strategies. Its own checkpoints pickle,
its own bar draws to the terminal, and both cost time in each step: callbacks.py has ours.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as lightning
import torch
from torch import Tensor

from model.callbacks import CheckpointInTime, Curve, Point, StopWhenAsked
from model.checkpoint import latest_checkpoint, restore
from model.data import Batch, PackedTokens
from model.objectives import next_token_loss
from model.optim import Algorithm, optimizers
from model.rows import Rows
from model.schedule import Schedule, learning_rate_factor
from model.transformer import Transformer

Precision = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True)
class Training:
    """The choices of a training run; params.yaml says what to make of them.

    ``batch_size`` is in rows a step; ``warmup_share`` is the share of the steps that the learning
    rate climbs; gradients longer than ``clip_norm`` are cut to that length.
    """

    steps: int
    batch_size: int
    seed: int
    learning_rate: float
    optimizer: Algorithm = "muon"
    weight_decay: float = 0.1
    schedule: Schedule = "linear"
    warmup_share: float = 0.02
    clip_norm: float = 1.0
    precision: Precision = "auto"
    checkpoint_seconds: float = 30.0


@dataclass(frozen=True)
class Trained:
    """What became of a run: whether it came to its end, its curve, its training time."""

    finished: bool
    curve: list[Point]
    seconds: float
    tokens_per_second: float


class LanguageModeling(lightning.LightningModule):
    """A model that learns the next token.

    Attributes:
        step: how many steps are done.
        loss_sum: of the steps since somebody last set it to zero, on the device, so that adding to
            it does not wait for an accelerator.
    """

    def __init__(self, model: Transformer, options: Training) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self.options = options
        self.step = 0
        self.loss_sum = torch.zeros(())

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One for the matrices, one for the rest."""
        return optimizers(
            self.model,
            algorithm=self.options.optimizer,
            learning_rate=self.options.learning_rate,
            weight_decay=self.options.weight_decay,
            dtype=torch.bfloat16 if self.trainer.precision == "bf16-mixed" else torch.float32,
        )

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Forward, backward, clip, update; at the learning rate of the step."""
        loss = next_token_loss(self.model, **batch)
        # Lightning's autocast is around all of the step, torch wants it around the forward only.
        with torch.autocast(self.device.type, enabled=False):
            self._update(loss)
        self.step += 1
        self.loss_sum = self.loss_sum + loss.detach()

    def _update(self, loss: Tensor) -> None:
        self.manual_backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip_norm)
        steps = self.options.steps
        learning_rate = self.options.learning_rate * learning_rate_factor(
            self.step,
            steps,
            warmup_steps=max(1, round(self.options.warmup_share * steps)),
            schedule=self.options.schedule,
        )
        for optimizer in self.torch_optimizers():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad()

    def torch_optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers as torch has them, without Lightning's wrapping."""
        made: Any = self.optimizers(use_pl_optimizer=False)
        return list(made)

    @torch.no_grad()
    def mean_loss(self, batches: list[Batch]) -> float:
        """Mean loss over batches, each counted by its tokens, without dropout."""
        self.model.eval()
        total, counted = torch.zeros((), device=self.device), 0
        with self.trainer.precision_plugin.forward_context():
            for batch in batches:
                counts = int((batch["position_ids"][:, 1:] > 0).sum())
                placed: Batch = {name: column.to(self.device) for name, column in batch.items()}
                total += next_token_loss(self.model, **placed) * counts
                counted += counts
        self.model.train()
        return float(total) / max(1, counted)


def train(
    model: Transformer,
    options: Training,
    rows: Path,
    checkpoints: Path,
    *,
    validation: list[Batch] | None = None,
    on_progress: Callable[[int, float, float], None] = lambda steps, loss, speed: None,
    on_point: Callable[[Point], None] = lambda point: None,
    say: Callable[[str], None] = print,
    watching: Sequence[lightning.Callback] = (),
) -> Trained:
    """Train a model in place, from its last checkpoint on if there is one.

    A first Ctrl-C or SIGTERM ends the step, writes a checkpoint and returns with ``finished``
    false; a second one interrupts at once.

    Args:
        rows: what ``write_rows`` wrote.
        checkpoints: an existing folder of this very run; the caller sees to it that other options
            or rows get another one.
        validation: batches to measure the loss on now and then.
        on_progress: called often with the steps done, the loss and the tokens a second.
        on_point: called with each new point of the curve.
        say: told what the user should know, in one line.
        watching: callbacks of the caller's that look on and change nothing of what is learnt.

    Raises:
        BadParameter: the loss is not a number any more.
        KeyboardInterrupt: a second signal came, or the first one before training had begun.
    """
    torch.manual_seed(options.seed)
    module = LanguageModeling(model.train(), options)
    found = latest_checkpoint(checkpoints, say)
    data = PackedTokens(
        rows,
        batch_size=options.batch_size,
        steps=options.steps,
        seed=options.seed,
        start_step=found.step if found else 0,
    )
    curve = Curve(
        options.steps,
        options.batch_size * Rows(rows).context_length,
        validation or [],
        on_progress,
        on_point,
    )
    if found:
        say(f"going on from step {found.step:,} of {options.steps:,}")
        module.step = found.step
        curve.load_notes(found.notes)
    keeper = CheckpointInTime(checkpoints, options.checkpoint_seconds, curve)
    stopper = StopWhenAsked(keeper)
    if module.step < options.steps:
        trainer = _trainer(options.precision, [*watching, curve, keeper, stopper, _Restore(found)])
        try:
            trainer.fit(module, datamodule=data)
        except SystemExit:
            # What Lightning makes of an interruption; ours to say what that means.
            raise KeyboardInterrupt from None
    elif found:
        restore(found, model, [])
    return Trained(
        module.step >= options.steps, curve.points, curve.seconds, curve.tokens_per_second
    )


class _Restore(lightning.Callback):
    """Puts a checkpoint in place once Lightning has made the optimizers."""

    def __init__(self, checkpoint: Any) -> None:
        self.checkpoint = checkpoint

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if self.checkpoint is not None and isinstance(module, LanguageModeling):
            restore(self.checkpoint, module.model, module.torch_optimizers())


def _trainer(precision: Precision, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    # What it announces (devices found, workers it would like) is no news to our user.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    # A deprecated name inside Lightning is no news either.
    for message in (".*does not have many workers.*", ".*LeafSpec.*"):
        warnings.filterwarnings("ignore", message=message)
    return lightning.Trainer(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if uses_bfloat16(precision) else "32-true",
        max_epochs=1,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def uses_bfloat16(precision: Precision) -> bool:
    """Whether to train in bfloat16: as told, or where the hardware multiplies it natively.

    A processor without it emulates, which is slower than float32.
    """
    if precision != "auto":
        return precision == "bf16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))
