"""Where documents begin, as the kernel for packed rows is told; what it makes of it: test_cuda.py."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.document_attention import FEWEST, borders

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("rows", "starts"),
    [
        ([[0, 1, 0, 1], [0, 1, 2, 3]], [0, 2, 4, 8]),
        # Filling is one document, in a row of its own too.
        ([[0, 1, 0, 0], [0, 0, 0, 0]], [0, 2, 4, 8]),
        # A document of one token before one of three.
        ([[0, 0, 1, 2]], [0, 1, 4]),
    ],
)
def test_documents_begin_where_positions_do(rows: list[list[int]], starts: list[int]) -> None:
    found = borders(torch.tensor(rows), CPU, True)
    assert found is not None and found.starts.dtype == torch.int32
    assert found.starts.tolist() == starts


def test_rows_of_one_document_need_no_borders_where_they_are_read_causally() -> None:
    rows = torch.arange(300).repeat(3, 1)
    assert borders(rows, CPU, True) is None
    both = borders(rows, CPU, False)
    assert both is not None
    assert both.starts.tolist() == [0, 300, 600, 900] and both.longest == 512


@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=9), min_size=1, max_size=5))
def test_no_token_that_can_be_predicted_is_parted_from_those_before_it(
    lengths: list[list[int]],
) -> None:
    width = max(map(sum, lengths))
    rows = torch.zeros(len(lengths), width, dtype=torch.int32)
    for row, each in zip(rows, lengths, strict=True):
        positions = torch.cat([torch.arange(length) for length in each])
        row[: len(positions)] = positions
    found = borders(rows, CPU, False)
    assert found is not None
    assert found.longest >= max(FEWEST, int(found.starts.diff().max()))
    starts = set(found.starts.tolist())
    assert {number * width for number in range(len(lengths) + 1)} <= starts
    flat = rows.flatten().tolist()
    for place, position in enumerate(flat):
        if position:
            assert place not in starts
        elif place + 1 < len(flat) and flat[place + 1]:
            assert place in starts
