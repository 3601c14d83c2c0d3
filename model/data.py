"""Batches for training: a pure function of the seed and the step.

Step ``s`` takes the rows at ``s * batch_size`` and after of an endless list, in which every row
stands once in each epoch, in an order drawn from the seed and the epoch's number. So training can
start at any step and see just what an uninterrupted run sees.
"""

from collections.abc import Iterator
from pathlib import Path

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.rows import Rows

Batch = dict[str, Tensor]


class StepBatches(Dataset[Batch]):
    """Item ``s`` is the whole batch of step ``s``, or this process's share of it."""

    def __init__(
        self, rows: Rows, batch_size: int, seed: int, *, rank: int = 0, world_size: int = 1
    ) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self._epoch, self._order = -1, torch.empty(0)

    def numbers(self, step: int) -> list[int]:
        """The numbers of the rows of a step, for all processes together."""
        first = step * self.batch_size
        return [self._number(place) for place in range(first, first + self.batch_size)]

    def _number(self, place: int) -> int:
        epoch, within = divmod(place, len(self.rows))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._epoch, self._order = epoch, torch.randperm(len(self.rows), generator=generator)
        return int(self._order[within])

    def __getitem__(self, step: int) -> Batch:
        return self.rows.take(self.numbers(step)[self.rank :: self.world_size])


class PackedTokens(lightning.LightningDataModule):
    """The batches of steps ``start_step`` to ``steps`` of a file of rows.

    Args:
        path: what ``write_rows`` wrote.
        batch_size: rows a step, for all processes together.
        steps: of the whole run.
        start_step: the first one to make, where a run is resumed.
    """

    def __init__(
        self, path: Path, *, batch_size: int, steps: int, seed: int, start_step: int = 0
    ) -> None:
        super().__init__()
        self.rows = Rows(path)
        self.batch_size, self.seed = batch_size, seed
        self.steps, self.start_step = steps, start_step

    def train_dataloader(self) -> DataLoader[Batch]:
        """One item a step. In this process: reading a memory-mapped row takes microseconds."""
        world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        batches = StepBatches(
            self.rows, self.batch_size, self.seed, rank=world[0], world_size=world[1]
        )
        return DataLoader(
            batches,
            batch_size=None,
            sampler=range(self.start_step, self.steps),
            # Its own, because making an iterator draws from it: dropout's must not move.
            generator=torch.Generator(),
        )


def in_order(rows: Rows, batch_size: int, most_rows: int | None = None) -> Iterator[Batch]:
    """All rows from the first on, or so many of them, ``batch_size`` at a time."""
    count = min(len(rows), most_rows or len(rows))
    for start in range(0, count, batch_size):
        yield rows.take(range(start, min(start + batch_size, count)))
