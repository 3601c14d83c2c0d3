"""Trains and measures the rivals one after the other, on the same rows in the same order.

Notable choices: what is done is kept in a folder of this very comparison, a file each, so that one
that was killed goes on; networks resume within their training. The n-gram model counts each row
that the networks see, once: to count it again would only make rare things look common.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chatwright.whole_file import write_whole
from model.architectures import build
from model.config import ModelConfig
from model.data import StepBatches
from model.ngram import KneserNey
from model.rows import Rows
from model.training import train
from tasks.compare.contest import POINTS, Contest, described
from tasks.compare.measures import masked_score, ngram_bits_per_byte
from tasks.compare.result import Result
from tasks.compare.rivals import (
    ORDER,
    RIVALS,
    Rival,
    rival_config,
)
from tasks.compare.runs import ComparisonRuns, end
from tasks.evaluate.language_model import bits_per_byte
from tasks.pretrain import whole_batches
from tasks.progress import Progress, silent
from tasks.training import progress_in_tokens

NGRAM_POINTS = 8

Showing = Callable[[str], Progress]
"""From a rival's name to where its progress is shown."""


def compare(
    contest: Contest,
    runs: ComparisonRuns,
    *,
    showing: Showing = lambda name: silent,
    say: Callable[[str, str], None] = lambda name, line: None,
) -> list[Result]:
    """Train and measure all rivals but those that are done.

    Args:
        runs: where they are noted; nothing is, where all are done.
        say: takes a rival's name and a line about it.

    Raises:
        BadParameter: a rival cannot be built or trained with these parameters.
        KeyboardInterrupt: the user stopped it; what is done is kept, and so are checkpoints.
    """
    # Widths first: one that cannot be solved for is told before any work.
    configs = {rival.name: rival_config(rival, contest.transformer) for rival in RIVALS}
    done = {rival.name: finished(contest.work, rival.name) for rival in RIVALS}
    results = {name: result for name, result in done.items() if result}
    if len(results) < len(RIVALS):
        for result in results.values():
            say(result.name, "done before")
            runs.replay(result)
        for rival in RIVALS:
            if rival.name not in results:
                results[rival.name] = _compete(
                    contest, rival, configs[rival.name], runs, showing(rival.name), say
                )
    return [results[rival.name] for rival in RIVALS]


def finished(work: Path, name: str) -> Result | None:
    """What came out for a rival, if it is done."""
    path = work / f"{name}.json"
    return Result.model_validate_json(path.read_text("utf-8")) if path.exists() else None


def _compete(
    contest: Contest,
    rival: Rival,
    config: ModelConfig,
    runs: ComparisonRuns,
    progress: Progress,
    say: Callable[[str, str], None],
) -> Result:
    """One rival's training and measures, noted as they come, kept at the end."""
    names = POINTS[rival.objective]
    spool = runs.run(rival.name, described(contest, rival, config))
    result = None

    def on_point(point: dict[str, Any]) -> None:
        spool.metrics({names[point["split"]]: point["loss"]}, point["step"])

    try:
        if rival.architecture == "ngram":
            result = _ngram(contest, rival, on_point, progress)
        else:
            result = _network(
                contest, rival, config, on_point, progress, lambda line: say(rival.name, line)
            )
        write_whole(contest.work / f"{rival.name}.json", result.model_dump_json(indent=1))
    finally:
        end(spool, result)
    shutil.rmtree(contest.work / rival.name, ignore_errors=True)
    say(rival.name, f"done in {result.seconds:,.1f} s of training")
    return result


def _ngram(
    contest: Contest, rival: Rival, on_point: Callable[[dict[str, Any]], None], progress: Progress
) -> Result:
    """Count the rows of the first eighth of the steps, of two, and so on."""
    rows, options = Rows(contest.tokens / "train.arrow"), contest.options
    batches = StepBatches(rows, options.batch_size, options.seed)
    held_out = Rows(contest.tokens / "validation.arrow")
    validation = whole_batches(held_out, options.batch_size)
    names = POINTS[rival.objective]
    curve = []
    for part in range(1, NGRAM_POINTS + 1):
        step = max(1, options.steps * part // NGRAM_POINTS)
        # A dictionary keeps each number once, and in order.
        seen = list(dict.fromkeys(n for batch in range(step) for n in batches.numbers(batch)))
        taken = rows.take(seen)
        began = time.monotonic()
        model = KneserNey(
            taken["input_ids"].numpy(),
            taken["position_ids"].numpy(),
            contest.ids.vocab_size,
            order=ORDER,
        )
        seconds = time.monotonic() - began
        if validation:
            loss = round(_ngram_loss(model, validation), 4)
            on_point({"step": step, "loss": loss, "split": "validation"})
            curve.append({"name": names["validation"], "step": step, "loss": loss})
        progress(part, NGRAM_POINTS, "parts of the text")
    text = ngram_bits_per_byte(model, contest.ids, contest.texts)
    return Result(
        **described(contest, rival, contest.transformer),
        parameters=model.ngrams,
        seconds=round(seconds, 2),
        tokens_per_second=round(len(seen) * rows.context_length / seconds, 1),
        bits_per_byte=text.bits_per_byte,
        curve=curve,
    )


def _ngram_loss(model: KneserNey, batches: list[dict[str, Any]]) -> float:
    """Nats a token, the mean over all that are predicted."""
    input_ids, position_ids = (
        np.concatenate([batch[name].numpy() for batch in batches])
        for name in ("input_ids", "position_ids")
    )
    total = model.log_probabilities(input_ids, position_ids).sum()
    return -float(total) / max(1, int((position_ids > 0).sum()))


def _network(
    contest: Contest,
    rival: Rival,
    config: ModelConfig,
    on_point: Callable[[dict[str, Any]], None],
    progress: Progress,
    say: Callable[[str], None],
) -> Result:
    """Train a network as the stage pretrain does, and measure what its objective allows."""
    options = replace(contest.options, objective=rival.objective)
    model = build(config)
    model.init_weights(options.seed, zero_outputs=True)
    checkpoints = contest.work / rival.name
    checkpoints.mkdir(parents=True, exist_ok=True)
    step_tokens = options.batch_size * config.context_length
    trained = train(
        model,
        options,
        contest.tokens / "train.arrow",
        checkpoints,
        validation=whole_batches(Rows(contest.tokens / "validation.arrow"), options.batch_size),
        masking=contest.masking,
        on_progress=progress_in_tokens(progress, options.steps, step_tokens),
        on_point=on_point,
        say=say,
    )
    if not trained.finished:
        raise KeyboardInterrupt
    model.to("cpu").eval()
    measured: dict[str, Any] = {}
    if rival.objective != "masked":
        text = bits_per_byte(model, contest.ids, contest.texts, progress=progress)
        measured["bits_per_byte"] = text.bits_per_byte
    if rival.objective != "causal":
        told = masked_score(
            model, contest.ids, contest.texts, contest.masking, checkpoints / "held_out.arrow"
        )
        measured["masked_accuracy"] = told.accuracy
        if rival.objective == "masked":
            measured["pseudo_bits_per_byte"] = told.pseudo_bits_per_byte
    names = POINTS[rival.objective]
    return Result(
        **described(contest, rival, config),
        seconds=round(trained.seconds, 1),
        # Of all its training, not of this process's alone.
        tokens_per_second=round(trained.steps * step_tokens / max(trained.seconds, 1e-9), 1),
        **measured,
        curve=[
            {"name": names[point["split"]], "step": point["step"], "loss": point["loss"]}
            for point in trained.curve
        ],
    )
