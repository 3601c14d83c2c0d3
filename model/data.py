"""Batches for training: a pure function of the seed and the batch's number.

Batch ``n`` takes the rows at ``n * batch_size`` and after of an endless list, in which every row
stands once in each epoch, in an order drawn from the seed and the epoch's number. Step ``s`` takes
batch ``s``, unless batches before it were left out because the loss leapt there. So training can
start at any step and see just what an uninterrupted run sees.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model import lightning
from model.masking import Masking, Objective, is_masked_batch
from model.placing import placed
from model.rows import Rows

Batch = dict[str, Tensor]


class StepBatches(Dataset[Batch]):
    """Item ``n`` is the whole of batch ``n``, or this process's share of it.

    Args:
        masking: needed where the objective is ``masked`` or ``mixed``.
        masked_share: of the batches, where it is ``mixed``.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        objective: Objective = "causal",
        masked_share: float = 0.5,
        masking: Masking | None = None,
    ) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.share = slice(rank, None, world_size)
        self.objective, self.masked_share, self.masking = objective, masked_share, masking
        self._epoch, self._order = -1, torch.empty(0)

    def numbers(self, batch: int) -> list[int]:
        """The numbers of the rows of a batch, for all processes together."""
        first = batch * self.batch_size
        return [self._number(place) for place in range(first, first + self.batch_size)]

    def _number(self, place: int) -> int:
        epoch, within = divmod(place, len(self.rows))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._epoch, self._order = epoch, torch.randperm(len(self.rows), generator=generator)
        return int(self._order[within])

    def __getitem__(self, batch: int) -> Batch:
        taken = self.rows.take(self.numbers(batch)[self.share])
        if self.masking is None or not is_masked_batch(
            self.objective, self.masked_share, self.seed, batch
        ):
            return taken
        return self.masking.masked(taken, self.seed, batch, self.share)


def batch_numbers(steps: int, left_out: Collection[int] = ()) -> range | list[int]:
    """The number of each step's batch, some being left out.

    Example:
        >>> batch_numbers(4, left_out=[1, 2])
        [0, 3, 4, 5]
    """
    if not left_out:
        return range(steps)
    return [n for n in range(steps + len(left_out)) if n not in left_out][:steps]


class PackedTokens(lightning.LightningDataModule):
    """The batches of steps ``start_step`` to ``steps`` of a file of rows.

    Args:
        path: what ``write_rows`` wrote.
        batch_size: rows a step, for all processes together.
        steps: of the whole run.
        start_step: the first one to make, where a run is resumed.
        left_out: the numbers of batches that no step takes.
        objective, masked_share, masking: see ``StepBatches``.
    """

    def __init__(
        self,
        path: Path,
        *,
        batch_size: int,
        steps: int,
        seed: int,
        start_step: int = 0,
        left_out: Collection[int] = (),
        objective: Objective = "causal",
        masked_share: float = 0.5,
        masking: Masking | None = None,
    ) -> None:
        super().__init__()
        self.rows = Rows(path)
        self.batch_size, self.seed = batch_size, seed
        self.steps, self.start_step, self.left_out = steps, start_step, left_out
        self.objective, self.masked_share, self.masking = objective, masked_share, masking

    def train_dataloader(self) -> DataLoader[Batch]:
        """One item a step. In this process: reading a memory-mapped row takes microseconds."""
        world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        batches = StepBatches(
            self.rows,
            self.batch_size,
            self.seed,
            rank=world[0],
            world_size=world[1],
            objective=self.objective,
            masked_share=self.masked_share,
            masking=self.masking,
        )
        return DataLoader(
            batches,
            batch_size=None,
            sampler=batch_numbers(self.steps, self.left_out)[self.start_step :],
            # Its own, because making an iterator draws from it: dropout's must not move.
            generator=torch.Generator(),
        )

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Put a batch where a loss takes it."""
        return placed(batch, device)


def in_order(rows: Rows, batch_size: int, most_rows: int | None = None) -> Iterator[Batch]:
    """All rows from the first on, or so many of them, ``batch_size`` at a time."""
    count = min(len(rows), most_rows or len(rows))
    for start in range(0, count, batch_size):
        yield rows.take(range(start, min(start + batch_size, count)))
