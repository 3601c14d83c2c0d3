"""Training as Lightning sees it, and the one call that does all of it.

``train`` takes a model, a file of rows and a folder for checkpoints, and goes on from the last
checkpoint in that folder if there is one. Budgets are in steps; batches, learning rate and random
numbers are functions of the step; so a run that was killed and continued ends with the same bytes
as one that was not.

Notable choices: Lightning brings the devices, the precision and the strategies. Its own checkpoints
pickle, its own bar draws to the terminal, and both cost time in each step: callbacks.py has ours.
Going back after a bad step (guard.py) is what going on after a kill is: from a checkpoint, in a new
fit.
"""

import contextlib
import copy
import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from chatwright.errors import BadInput, BadParameter
from model import lightning
from model.callbacks import CheckpointInTime, Curve, Point, StopWhenAsked
from model.checkpoint import Checkpoint, discard_checkpoints_after, latest_checkpoint, restore
from model.compilation import compiled
from model.data import Batch, PackedTokens, batch_numbers
from model.determinism import same_bits_each_time
from model.devices import (
    Devices,
    agree_on,
    check_shares,
    check_strategy,
    devices_of,
    rank,
    strategy_of,
    wait_for_all,
)
from model.guard import MOST_ROLLBACKS, BadStep, Rollbacks
from model.language_model import LanguageModel
from model.masking import VALIDATION_SEED, Masking
from model.memory import is_out_of_memory, not_enough_memory
from model.options import Training, check, lightning_precision
from model.rows import Rows
from model.sharding import collect_into
from model.steps import LanguageModeling


@dataclass(frozen=True)
class Trained:
    """What became of a run: whether it came to its end, its curve, its training time.

    ``stopped_early``: its end was that validation did not become better. ``skipped_batches`` were
    left out in as many ``rollbacks`` (model/guard.py).
    """

    finished: bool
    curve: list[Point]
    seconds: float
    tokens_per_second: float
    steps: int
    stopped_early: bool
    skipped_batches: int
    rollbacks: int


def train(
    model: LanguageModel,
    options: Training,
    rows: Path,
    checkpoints: Path,
    *,
    validation: list[Batch] | None = None,
    masking: Masking | None = None,
    on_progress: Callable[[int, float, float], None] = lambda steps, loss, speed: None,
    on_point: Callable[[Point], None] = lambda point: None,
    say: Callable[[str], None] = print,
    watching: Sequence[lightning.Callback] = (),
) -> Trained:
    """Train a model in place, from its last checkpoint on if there is one.

    A first Ctrl-C or SIGTERM ends the step, writes a checkpoint and returns with ``finished``
    false; a second one interrupts at once.

    Where processes share the model out, they train a copy of it, and all get all of its weights at
    the end.

    Args:
        rows: what ``write_rows`` wrote.
        checkpoints: an existing folder of this very run; the caller sees to it that other options
            or rows get another one.
        validation: batches to measure the loss on now and then.
        masking: needed where the objective is ``masked`` or ``mixed``.
        on_progress: called often with the steps done, the loss and the tokens a second.
        on_point: called with each new point of the curve; again, after a bad step, with those of
            the steps that are repeated.
        say: told what the user should know, in one line.
        watching: callbacks of the caller's that look on and change nothing of what is learnt.

    Raises:
        BadParameter: a choice cannot be had here; the loss went wrong for the third time.
        NotEnoughMemory: the rows of a step do not fit.
        KeyboardInterrupt: a second signal came, or the first one before training had begun.
    """
    check(options, masking=masking, validates=bool(validation))
    devices = devices_of(options)
    check_strategy(options, devices.processes)
    check_shares(options, devices.processes)
    torch.manual_seed(options.seed)
    model.recompute_layers = options.recompute
    if options.objective == "masked" and masking is not None:
        validation = [
            masking.masked(batch, VALIDATION_SEED, number)
            for number, batch in enumerate(validation or [])
        ]
    curve = Curve(
        options.steps,
        options.batch_size * Rows(rows).context_length,
        validation or [],
        on_progress,
        on_point,
        options.patience,
    )
    rollbacks = Rollbacks()
    # What is shared out does not become a plain model again.
    learner = copy.deepcopy(model) if options.strategy == "fsdp" else model
    module = LanguageModeling(learner.train(), options, rollbacks)
    found = latest_checkpoint(checkpoints, say)
    if found:
        say(f"going on from step {found.step:,} of {options.steps:,}")
        rollbacks.load_notes(found.notes)
        if (before := found.notes.get("processes", 1)) != devices.processes:
            say(
                f"it was trained by {_counted(before)} and goes on with {devices.processes}: "
                f"the same batches, other rounding"
                + (" and other dropout" if model.config.dropout else "")
            )
        elif (way := found.notes.get("strategy", "ddp")) != options.strategy:
            say(f"it was trained with {way} and goes on with {options.strategy}: other rounding")
    with contextlib.ExitStack() as stack:
        if options.deterministic and devices.kind == "gpu":
            stack.enter_context(same_bits_each_time())
        if options.compile:
            stack.enter_context(compiled(learner, say))
        while bad := _fit(module, curve, found, rows, checkpoints, masking, devices, watching):
            target, dropped = rollbacks.go_back(
                bad.step, batch_numbers(options.steps, rollbacks.left_out)
            )
            if rollbacks.times > MOST_ROLLBACKS:
                raise BadParameter(
                    f"{options.section}.learning_rate",
                    f"{bad.what} at step {bad.step:,}, which is the third bad step of this run",
                    "Try a third of the learning rate",
                )
            if rank() == 0:
                discard_checkpoints_after(checkpoints, target)
            wait_for_all()
            found = latest_checkpoint(checkpoints, say)
            named = " and ".join(f"batch {number:,}" for number in dropped)
            say(
                f"{bad.what} at step {bad.step:,}: "
                f"going back to step {found.step if found else 0:,} and leaving out {named}"
            )
    if learner is not model:
        collect_into(model, learner)
    if curve.ends_early:
        say(
            f"stopped after step {module.step:,} of {options.steps:,}: "
            f"the validation loss has not become better {options.patience} times"
        )
    return Trained(
        finished=module.step >= options.steps or curve.ends_early,
        curve=curve.points,
        seconds=curve.seconds,
        tokens_per_second=curve.tokens_per_second,
        steps=module.step,
        stopped_early=curve.ends_early,
        skipped_batches=len(rollbacks.left_out),
        rollbacks=rollbacks.times,
    )


def _counted(processes: int) -> str:
    return f"{processes} process" + ("es" if processes > 1 else "")


def _fit(
    module: LanguageModeling,
    curve: Curve,
    found: Checkpoint | None,
    rows: Path,
    checkpoints: Path,
    masking: Masking | None,
    devices: Devices,
    watching: Sequence[lightning.Callback],
) -> BadStep | None:
    """Train from a checkpoint, or from nothing, to the end or to a bad step."""
    options = module.options
    if found:
        module.step = found.step
        module.guard.load_notes(found.notes)
        curve.load_notes(found.notes)
        if module.step >= options.steps or curve.ends_early:
            restore(found, module.model, [])
            return None
    data = PackedTokens(
        rows,
        batch_size=options.batch_size,
        steps=options.steps,
        seed=options.seed,
        start_step=module.step,
        left_out=module.rollbacks.left_out,
        objective=options.objective,
        masked_share=options.masked_share,
        masking=masking,
    )
    keeper = CheckpointInTime(
        checkpoints, options.checkpoint_seconds, curve, found.step if found else -1
    )
    stopper = StopWhenAsked(keeper)
    callbacks = [*watching, curve, _Restore(checkpoints, found), keeper, stopper]
    trainer = _trainer(options, devices, callbacks)
    module.zero_grad()
    try:
        trainer.fit(module, datamodule=data)
    except BadStep as bad:
        if stopper.asked:
            # The next run goes on from the last checkpoint, and meets the same bad step.
            raise KeyboardInterrupt from None
        return bad
    except SystemExit:
        # What Lightning makes of an interruption; ours to say what that means.
        raise KeyboardInterrupt from None
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise not_enough_memory(options) from error
        raise
    return None


class _Restore(lightning.Callback):
    """Puts a checkpoint in place once Lightning has made the optimizers."""

    def __init__(self, folder: Path, checkpoint: Checkpoint | None) -> None:
        self.folder, self.checkpoint = folder, checkpoint

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if not isinstance(module, LanguageModeling):
            return
        step = self.checkpoint.step if self.checkpoint else -1
        if len(set(agree_on(step, module.device))) > 1:
            raise BadInput(
                str(self.folder),
                "the processes do not find the same checkpoints in it",
                "Put the project's folder where all machines can read it",
            )
        if self.checkpoint is None:
            return
        restore(self.checkpoint, module.model, module.torch_optimizers())
        if module.scaler is not None:
            module.scaler.load_state_dict(self.checkpoint.notes["scaler"])


def _trainer(
    options: Training, devices: Devices, callbacks: list[lightning.Callback]
) -> lightning.Trainer:
    # What it announces (devices found, workers it would like) is no news to our user.
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A deprecated name inside Lightning is no news either.
    for message in (".*does not have many workers.*", ".*LeafSpec.*"):
        warnings.filterwarnings("ignore", message=message)
    return lightning.Trainer(
        accelerator="cpu" if devices.kind == "cpu" and devices.processes > 1 else "auto",
        devices=devices.per_node,
        num_nodes=devices.nodes,
        strategy=strategy_of(devices, options),
        precision=lightning_precision(options.precision),
        max_epochs=1,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
