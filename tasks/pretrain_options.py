"""How the pretrain stage trains: what the parameters ask for, what the model's size gives, and what
this machine has.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from chatwright.errors import BadParameter
from chatwright.whole_file import write_whole
from model.batch_size import largest_batch
from model.config import SIZES, ModelConfig
from model.devices import Devices, check_shares, check_strategy, devices_of
from model.hub import RANDOM
from model.masking import Masking, Objective
from model.options import Training, check
from tasks.params_training import ModelParams, PretrainParams
from tasks.ranks import is_another_rank, wait_for
from tasks.training import training_options

FEWEST_STEPS = 200
GENTLER = 10
"""So many times smaller is the learning rate where weights exist already, so that what they hold is
not washed out. A guess: not measured."""


def devices_here(params: PretrainParams, model_params: ModelParams) -> Devices:
    """What trains; refused before anything is read if it is not there.

    Raises:
        BadParameter: more devices than there are, or a batch or a model that they cannot share.
    """
    rows = None if params.batch_size == "auto" else params.batch_size
    asked = pretraining_options(params, model_params, context_length=1, seed=0, batch_size=rows)
    devices = devices_of(asked)
    check_strategy(asked, devices.processes)
    if params.strategy == "fsdp" and params.batch_size == "auto":
        raise BadParameter(
            "pretrain.batch_size",
            "auto tries on one device, which need not hold a model that fsdp shares out",
            "Give the number of rows",
        )
    if params.batch_size != "auto":
        check_shares(asked, devices.processes)
    return devices


def pretraining_options(
    params: PretrainParams,
    model_params: ModelParams,
    context_length: int,
    seed: int,
    *,
    batch_size: int | None,
) -> Training:
    """The choices of the run; the size of the model gives what the parameters leave open."""
    size = SIZES[model_params.size]
    learning_rate = size.learning_rate / (1 if model_params.init == RANDOM else GENTLER)
    return replace(
        training_options(
            params,
            context_length,
            seed,
            batch_size=batch_size or size.batch_size,
            learning_rate=params.learning_rate or learning_rate,
            section="pretrain",
        ),
        objective=params.objective,
        masked_share=params.masked_share,
        patience=params.patience,
        devices=params.devices,
        num_nodes=params.num_nodes,
        strategy=params.strategy,
    )


def check_sides(objective: Objective, architecture: str) -> None:
    """Refuse masked tokens for what reads from left to right only.

    Raises:
        BadParameter: a recurrent architecture and an objective that is not ``causal``.
    """
    if objective != "causal" and architecture in ("rnn", "lstm"):
        raise BadParameter(
            "pretrain.objective",
            f"{objective} needs a model that sees both sides and {architecture} does not",
            "Take causal, or another model.architecture",
        )


def batch_size_once(
    params: PretrainParams,
    config: ModelConfig,
    rows: int,
    masking: Masking | None,
    seed: int,
    work: Path,
    say: Callable[[str], None],
    processes: int = 1,
) -> int:
    """The rows a step that memory holds, found once and kept for as long as the run lasts.

    Never so many that fewer than ``FEWEST_STEPS`` steps are left of the budget, nor more than
    there are. Tried on one device, which takes its share of the rows.

    Args:
        processes: the result is a multiple of so many.
    """
    kept = work / "batch_size.json"
    if is_another_rank():
        wait_for(kept)
    if not kept.exists():
        most = min(rows, params.tokens // (config.context_length * FEWEST_STEPS))
        options = training_options(
            params,
            config.context_length,
            seed,
            batch_size=params.accumulate,
            learning_rate=1.0,
            section="pretrain",
        )
        options = replace(options, objective=params.objective)
        check(options, masking=masking, validates=True)
        found = largest_batch(config, options, most, say)
        found = max(1, found // (processes * params.accumulate)) * processes * params.accumulate
        write_whole(kept, json.dumps(found))
    return int(json.loads(kept.read_text(encoding="utf-8")))
