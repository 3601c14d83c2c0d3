"""How many rows memory holds, measured."""

import psutil
import pytest

from chatwright.errors import NotEnoughMemory
from model import batch_size
from model.batch_size import largest_batch
from model.config import ModelConfig
from model.options import Training

OPTIONS = Training(steps=1, batch_size=1, seed=1, learning_rate=0.01, precision="fp32")


def config() -> ModelConfig:
    return ModelConfig.from_size("tiny", vocab_size=4096, context_length=256, hidden_size=64)


def may_take(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Let so many bytes be all that may be taken."""
    share = size / psutil.virtual_memory().available
    monkeypatch.setitem(batch_size.FREE_SHARE, "cpu", share)


@pytest.mark.slow
def test_as_many_rows_as_fit_and_not_more_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    may_take(monkeypatch, 1_100_000_000)
    found = largest_batch(config(), OPTIONS, 100_000, said.append)
    # The process alone takes some 300 MB. A row of 256 tokens keeps, for the backward pass of three
    # layers, about fifteen vectors of 64 or 192 numbers a token and what the kernels need: 3 to 9 MB.
    # No power of two is near the limit, as what is free changes while tests run side by side.
    assert 32 <= found <= 256 and found & (found - 1) == 0
    assert "more do not fit" in said[0] and f"{found:,} rows a step" in said[0]
    # Half the rows at a time: twice the rows a step.
    assert (
        largest_batch(
            config(),
            Training(**{**vars(OPTIONS), "accumulate": 2}),
            100_000,
            said.append,
        )
        == 2 * found
    )
    assert largest_batch(config(), OPTIONS, 11, said.append) == 8
    assert "the budget asks for no more" in said[-1]


@pytest.mark.slow
def test_no_room_for_one_row_says_what_to_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    may_take(monkeypatch, 50_000_000)
    with pytest.raises(NotEnoughMemory, match="even one row.*lower pack.context_length to half"):
        largest_batch(config(), OPTIONS, 8, print)
