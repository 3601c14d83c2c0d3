"""One step of training: forward, backward, watch, clip, update.

Notable choices: the optimization is manual in Lightning's sense, because two optimizers share a
step. A batch may go through the model in parts, whose losses are divided by the tokens of the whole
batch, so that the result is that of the whole but for rounding.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model import lightning
from model.data import Batch
from model.devices import add_up, seed_step
from model.guard import Guard, Rollbacks
from model.language_model import LanguageModel
from model.objectives import batch_loss, tokens_that_count
from model.optim import optimizers
from model.options import Training
from model.placing import placed
from model.schedule import learning_rate_factor
from model.sharding import keep_a_part, share_out, whole


@dataclass
class Wishes:
    """What is to happen after a step: of one process, or agreed on by all."""

    stop: bool = False
    save: bool = False


class LanguageModeling(lightning.LightningModule):
    """A model that learns what its batches are for.

    Attributes:
        step: how many steps are done.
        loss_sum: of the steps since somebody last set it to zero, on the device, so that adding to
            it does not wait for an accelerator.
        wishes, agreed: where several processes train: what this one wants to happen after the step,
            and, once the step is done, what all of them do.
    """

    def __init__(self, model: LanguageModel, options: Training, rollbacks: Rollbacks) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = model
        self.options = options
        self.guard = Guard(options.spike_factor)
        self.rollbacks = rollbacks
        self.step = 0
        self.loss_sum = torch.zeros(())
        self.wishes = Wishes()
        self.agreed = Wishes()

    def configure_model(self) -> None:
        """Share the model out, if it is to be trained so; the optimizers are made after it."""
        if self.device_mesh is not None:
            share_out(self.model, self.device_mesh["data_parallel"], self._products)

    @property
    def _products(self) -> torch.dtype:
        """The type that matrix products are made in; float32 where that is float16."""
        return torch.bfloat16 if self.trainer.precision == "bf16-mixed" else torch.float32

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """One for the matrices, one for the rest."""
        return optimizers(
            self.model,
            algorithm=self.options.optimizer,
            learning_rate=self.options.learning_rate,
            weight_decay=self.options.weight_decay,
            dtype=self._products,
        )

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Forward, backward, clip, update; at the learning rate of the step."""
        parts, total = [batch], None
        several = self.trainer.world_size > 1
        if several:
            total = self._agree(tokens_that_count(batch))
            seed_step(self.options.seed, self.step, self.global_rank)
        elif self.options.accumulate > 1:
            # Of the whole batch, so that the parts add up to what it would be at once.
            total = tokens_that_count(batch)
        if self.options.accumulate > 1:
            split = {name: c.tensor_split(self.options.accumulate) for name, c in batch.items()}
            columns = zip(*split.values(), strict=True)
            parts = [dict(zip(split, part, strict=True)) for part in columns]
        loss = torch.zeros((), device=self.device)
        for part in parts:
            part_loss = batch_loss(
                self.model, part, total=total, label_smoothing=self.options.label_smoothing
            )
            # Lightning's autocast is around all of the step, torch wants it around forwards only.
            with torch.autocast(self.device.type, enabled=False):
                self.manual_backward(part_loss)
            loss += part_loss.detach()
        with torch.autocast(self.device.type, enabled=False):
            if several:
                here = list(self.model.parameters()) if self.options.strategy == "ddp" else []
                add_up([loss, *(p.grad for p in here if p.grad is not None)])
            self._update(loss)
        self.step += 1
        self.loss_sum = self.loss_sum + loss

    def _agree(self, counted: Tensor) -> Tensor:
        """Of all processes: the tokens that count in the batch, and what is wished for."""
        agreed = torch.tensor(
            [int(counted), self.wishes.stop, self.wishes.save], device=self.device
        )
        add_up([agreed])
        _, stop, save = agreed.tolist()
        self.agreed = Wishes(stop > 0, save > 0)
        return agreed[0]

    def _update(self, loss: Tensor) -> None:
        options, scaler, made = self.options, self.scaler, self.torch_optimizers()
        if scaler is not None:
            for optimizer in made:
                scaler.unscale_(optimizer)
        norm = None
        if options.clip_norm is not None:
            norm = whole(torch.nn.utils.clip_grad_norm_(self.model.parameters(), options.clip_norm))
        # Gradients too large for float16 are the scaler's business.
        self.guard.watch(self.step, loss, None if scaler is not None else norm)
        learning_rate = options.learning_rate * learning_rate_factor(
            self.step,
            options.steps,
            warmup_steps=max(1, round(options.warmup_share * options.steps)),
            schedule=options.schedule,
            decay_share=options.decay_share,
            decay_factor=options.decay_factor,
        )
        for optimizer in made:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
            optimizer.zero_grad()
        if scaler is not None:
            scaler.update()

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """What keeps gradients within float16; None in other precisions."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def torch_optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimizers as torch has them, without Lightning's wrapping."""
        made: Any = self.optimizers(use_pl_optimizer=False)
        return list(made)

    def notes(self) -> dict[str, Any]:
        """What a continued run has to know, as JSON."""
        scaler = {} if self.scaler is None else {"scaler": self.scaler.state_dict()}
        devices: dict[str, Any] = {}
        if self.trainer.world_size > 1:
            devices = {"processes": self.trainer.world_size, "strategy": self.options.strategy}
        return {**self.guard.notes(), **self.rollbacks.notes(), **scaler, **devices}

    @torch.no_grad()
    def mean_loss(self, batches: list[Batch]) -> float:
        """Mean loss over batches, each counted by its tokens, without dropout or smoothing."""
        self.model.eval()
        total, counted = torch.zeros((), device=self.device), 0
        processes = self.trainer.world_size
        with self.trainer.precision_plugin.forward_context():
            # All take as many: where weights are shared out, each forward pass needs all processes.
            for first in range(0, len(batches), processes):
                number = first + self.global_rank
                batch = batches[min(number, len(batches) - 1)]
                counts = int(tokens_that_count(batch)) if number < len(batches) else 0
                total += batch_loss(self.model, placed(batch, self.device)) * counts
                counted += counts
        keep_a_part(self.model)
        self.model.train()
        if processes > 1:
            both = torch.stack([total.double(), torch.full_like(total, counted).double()])
            add_up([both])
            return float(both[0] / both[1].clamp_min(1))
        return float(total) / max(1, counted)
