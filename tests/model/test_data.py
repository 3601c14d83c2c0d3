"""Rows on disk and the batches made from them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from chatwright.errors import BadInput
from model.data import PackedTokens, StepBatches, in_order
from model.rows import Rows, write_rows


def write(path: Path, batches: tuple[int, ...] = (4, 3), context_length: int = 5) -> Path:
    """Rows whose every token is the row's number."""
    numbers = iter(range(sum(batches)))
    write_rows(
        path,
        [
            {
                "input_ids": np.array([[next(numbers)] * context_length for _ in range(count)]),
                "position_ids": np.tile(np.arange(context_length), (count, 1)),
            }
            for count in batches
        ],
    )
    return path


def test_rows_come_back_as_they_were_written_from_every_batch_of_the_file(tmp_path: Path) -> None:
    rows = Rows(write(tmp_path / "rows.arrow"))
    assert len(rows) == 7 and rows.context_length == 5
    taken = rows.take([6, 0, 4, 3])
    assert taken["input_ids"][:, 0].tolist() == [6, 0, 4, 3]
    assert taken["input_ids"].dtype == torch.int32
    assert taken["position_ids"][1].tolist() == [0, 1, 2, 3, 4]


def test_rows_are_mapped_not_read(tmp_path: Path) -> None:
    # 400 MB of rows in a process that may not grow by nearly as much.
    import psutil

    path = tmp_path / "rows.arrow"
    block = {"input_ids": np.zeros((50_000, 1000), np.int32)}
    write_rows(path, [block] * 2)
    del block
    before = psutil.Process().memory_full_info().uss
    rows = Rows(path)
    rows.take([0, 99_999])
    assert path.stat().st_size > 400_000_000
    assert psutil.Process().memory_full_info().uss - before < 50_000_000


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.arrow")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadInput, match=r"rows\.arrow: cannot be read"):
        Rows(path)


def test_an_epoch_holds_every_row_once_and_the_next_in_another_order(tmp_path: Path) -> None:
    batches = StepBatches(Rows(write(tmp_path / "rows.arrow")), batch_size=7, seed=3)
    first, second = batches.numbers(0), batches.numbers(1)
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_a_batch_that_spans_two_epochs_takes_the_rest_of_one_and_the_start_of_the_next(
    tmp_path: Path,
) -> None:
    batches = StepBatches(Rows(write(tmp_path / "rows.arrow")), batch_size=5, seed=3)
    seen = [number for step in range(7) for number in batches.numbers(step)]
    assert set(Counter(seen).values()) == {5}
    for epoch in range(5):
        assert sorted(seen[epoch * 7 : epoch * 7 + 7]) == list(range(7))


def test_a_run_that_starts_late_sees_what_an_uninterrupted_one_sees(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.arrow")

    def batches(start: int) -> list[list[int]]:
        data = PackedTokens(path, batch_size=3, steps=9, seed=1, start_step=start)
        return [batch["input_ids"][:, 0].tolist() for batch in data.train_dataloader()]

    assert len(batches(0)) == 9
    assert batches(4) == batches(0)[4:]


def test_making_batches_leaves_the_random_state_alone(tmp_path: Path) -> None:
    data = PackedTokens(write(tmp_path / "rows.arrow"), batch_size=3, steps=2, seed=1)
    before = torch.get_rng_state()
    list(data.train_dataloader())
    assert torch.equal(before, torch.get_rng_state())


def test_processes_share_a_batch_without_overlap(tmp_path: Path) -> None:
    rows = Rows(write(tmp_path / "rows.arrow"))
    whole = StepBatches(rows, 4, 1)[2]["input_ids"][:, 0].tolist()
    parts = [
        StepBatches(rows, 4, 1, rank=rank, world_size=2)[2]["input_ids"][:, 0].tolist()
        for rank in (0, 1)
    ]
    assert sorted(parts[0] + parts[1]) == sorted(whole) and len(parts[0]) == 2


def test_rows_in_order_stop_where_told(tmp_path: Path) -> None:
    rows = Rows(write(tmp_path / "rows.arrow"))
    taken = [batch["input_ids"][:, 0].tolist() for batch in in_order(rows, 2, 5)]
    assert taken == [[0, 1], [2, 3], [4]]
