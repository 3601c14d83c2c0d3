"""What a training will cost, said before it is paid for; and afterwards, how far off that was.

Parameters, operations and memory come by arithmetic (model/cost.py), the time from the run's own
first steps (model/pace.py), the loss from runs that are finished (fitted_runs.py). Nothing of this
touches what is learnt.

Notable choice: the forecast stands in the run's work folder, so that a run which is killed and goes
on is held to what was said at its start.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import psutil
from pydantic import BaseModel

from chatwright.whole_file import write_whole
from model import lightning
from model.config import DECODERS, ModelConfig
from model.cost import checkpoint_bytes, parameters, training_memory, training_operations_per_token
from model.options import Training, uses_bfloat16
from model.pace import FirstSteps, Pace
from tasks.corpus_figures import CorpusFigures
from tasks.fitted_runs import FittedRuns

FORWARD_SHARE = 1 / 3
"""Of a step's operations, what validation has to do: the forward pass, 2 of 6."""

CHECKPOINT_BYTES_PER_SECOND = 200e6
"""Weights and states are put together, hashed, written and synced."""


@dataclass(frozen=True)
class Forecast:
    """What is expected of one training.

    Attributes:
        operations: floating-point operations of the whole run.
        memory_bytes: of one process, at its fullest, Python and torch included.
        bits_per_byte: of held-out text; None where nothing is known to say it from.
        is_a_guess: whether that lies far from all runs that the law was fitted to.
        seconds: from the first step to the last, validation and checkpoints included; None
            before the first steps are measured.
        step_seconds: of one step: the median, and what nine in ten lay within.
    """

    parameters: int
    tokens: int
    operations: float
    memory_bytes: int
    bits_per_byte: float | None = None
    is_a_guess: bool = False
    seconds: float | None = None
    step_seconds: list[float] = field(default_factory=list)

    def at_pace(
        self, pace: Pace, options: Training, config: ModelConfig, validations: int
    ) -> "Forecast":
        """With the time that it takes.

        Args:
            validations: batches of validation in the whole run.
        """
        state_bytes = checkpoint_bytes(config, options.optimizer)
        seconds = (options.steps + validations * FORWARD_SHARE) * pace.seconds
        written = state_bytes / CHECKPOINT_BYTES_PER_SECOND
        every = max(options.checkpoint_seconds, pace.seconds)
        seconds += written * (1 + seconds / every)
        return replace(self, seconds=seconds, step_seconds=[pace.seconds, pace.low, pace.high])

    def __str__(self) -> str:
        parts = [
            f"{amount(self.parameters)} parameters",
            f"{amount(self.tokens)} tokens",
            f"{amount(self.operations)}FLOP",
            f"about {self.memory_bytes / 1e9:.2g} GB of memory",
        ]
        if self.seconds is not None:
            parts.append(time_text(self.seconds))
        if self.bits_per_byte is not None:
            guess = " (a guess: far from the runs in docs/scaling.csv)" if self.is_a_guess else ""
            parts.append(f"{self.bits_per_byte:.2f} bits per byte{guess}")
        return ", ".join(parts)


def amount(number: float) -> str:
    """A large number in three figures: ``3.28 M``, ``36 T``; a space stands at a bare one's end.

    >>> amount(1_800_000), amount(36e12), amount(950)
    ('1.8 M', '36 T', '950 ')
    """
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{float(f'{number / size:.3g}'):g} {letter}"
    return f"{number:.3g} "


def time_text(seconds: float) -> str:
    """A duration in its two largest units: ``3 min 10 s``.

    >>> time_text(190), time_text(7300), time_text(4)
    ('3 min 10 s', '2 h 2 min', '4 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def forecast(
    config: ModelConfig,
    options: Training,
    *,
    corpus: CorpusFigures | None = None,
    runs: FittedRuns | None = None,
    processes: int = 1,
) -> Forecast:
    """All that can be said without a step.

    Args:
        processes: that train together.
        corpus: None: as on the default corpus.
        runs: None leaves the loss out, and so do architectures that no run was made with.
    """
    counted = parameters(config)
    tokens = options.steps * options.batch_size * config.context_length
    needed = training_memory(
        config,
        -(-options.batch_size // (processes * options.accumulate)),
        optimizer=options.optimizer,
        half_precision=options.precision == "fp16" or uses_bfloat16(options.precision),
        recompute_layers=options.recompute,
        sharing=processes if options.strategy == "fsdp" else 1,
    )
    expected: tuple[float | None, bool] = (None, False)
    if runs is not None and config.architecture in DECODERS:
        expected = runs.bits_per_byte(counted.without_embeddings, tokens, corpus)
    return Forecast(
        counted.total,
        tokens,
        float(training_operations_per_token(config)) * tokens,
        needed.total + psutil.Process().memory_info().rss,
        *expected,
    )


class Forecasted(BaseModel):
    """The forecast beside what came of it; ``off_percent`` is above 0 where too much was said."""

    seconds: float | None
    real_seconds: float | None
    seconds_off_percent: float | None
    bits_per_byte: float | None
    real_bits_per_byte: float | None
    bits_per_byte_off_percent: float | None
    memory_bytes: int
    operations: float


class RunForecast:
    """The forecast of a run that is about to start: said once its pace is known, kept, compared.

    Args:
        expected: what is known without a step.
        options, config: of the run.
        validations: batches of validation in the whole run.
        work: the run's folder; what an earlier process of the same run said stands there.
        say: told the forecast, in one line.
    """

    def __init__(
        self,
        expected: Forecast,
        options: Training,
        config: ModelConfig,
        validations: int,
        work: Path,
        say: Callable[[str], None],
    ) -> None:
        self.expected, self.options = expected, options
        self.config, self.validations = config, validations
        self._file, self._say = work / "forecast.json", say
        if self._file.exists():
            self.expected = Forecast(**json.loads(self._file.read_text(encoding="utf-8")))
            say(f"forecast at the start: {self.expected}")

    def watching(self) -> list[lightning.Callback]:
        """What ``train`` is to call: nothing, where an earlier process has measured the pace."""
        return [] if self.expected.seconds is not None else [FirstSteps(self._measured)]

    def _measured(self, pace: Pace) -> None:
        self.expected = self.expected.at_pace(pace, self.options, self.config, self.validations)
        write_whole(self._file, json.dumps(asdict(self.expected)))
        self._say(f"forecast: {self.expected}")

    def compared(self, seconds: float | None, bits_per_byte: float | None = None) -> Forecasted:
        """The forecast beside what the run took.

        Args:
            seconds: over all its processes; None where it did not come to the end foreseen.
            bits_per_byte: of the held-out text; None where there is none.
        """
        expected = self.expected
        return Forecasted(
            seconds=_rounded(expected.seconds, 1),
            real_seconds=_rounded(seconds, 1),
            seconds_off_percent=_off(expected.seconds, seconds),
            bits_per_byte=_rounded(expected.bits_per_byte, 4),
            real_bits_per_byte=_rounded(bits_per_byte, 4),
            bits_per_byte_off_percent=_off(expected.bits_per_byte, bits_per_byte),
            memory_bytes=expected.memory_bytes,
            operations=expected.operations,
        )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _off(expected: float | None, real: float | None) -> float | None:
    """Per cent that too much was expected."""
    if expected is None or not real or not math.isfinite(real):
        return None
    return round(100 * (expected / real - 1), 1)
