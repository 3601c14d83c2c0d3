"""Masked tokens: which are chosen, what stands in their place, and that it is the same each time."""

from pathlib import Path

import numpy as np
import pytest
import torch

from model.data import StepBatches
from model.masking import Masking, is_masked_batch
from model.rows import Rows, write_rows

VOCAB, MASK = 300, 3
SPECIAL = [0, 1, 2, MASK, 299]


@pytest.fixture
def masking() -> Masking:
    return Masking.of(MASK, SPECIAL, VOCAB)


def many_tokens() -> dict[str, torch.Tensor]:
    """200,000 tokens, among them special ones at every tenth place."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(4, 299, (400, 500), generator=generator, dtype=torch.int32)
    ids[:, ::10] = torch.tensor(SPECIAL, dtype=torch.int32).repeat(10)
    return {"input_ids": ids, "position_ids": torch.arange(500).expand(400, 500).int()}


def test_of_the_chosen_fifteen_percent_eight_tenths_are_masked_one_changed_one_kept(
    masking: Masking,
) -> None:
    batch = many_tokens()
    made = masking.masked(batch, seed=1, number=5)
    chosen = made["is_masked"]
    before, after = batch["input_ids"], made["input_ids"]
    ordinary = ~torch.isin(before, torch.tensor(SPECIAL))
    # 180,000 ordinary tokens: a share of 0.15 has a standard deviation of 0.0008.
    assert chosen.sum() / ordinary.sum() == pytest.approx(0.15, abs=0.004)
    assert (after[chosen] == MASK).float().mean() == pytest.approx(0.8, abs=0.012)
    kept = after[chosen] == before[chosen]
    # Of the tenth that is drawn, one in 295 is what it was.
    assert kept.float().mean() == pytest.approx(0.1 + 0.1 / 295, abs=0.01)
    assert torch.equal(after[~chosen], before[~chosen])
    assert torch.equal(made["original_ids"], before)


def test_no_special_token_is_chosen_and_none_but_the_mask_is_put_in(masking: Masking) -> None:
    made = masking.masked(many_tokens(), seed=1, number=5)
    special = torch.tensor(SPECIAL)
    chosen = made["is_masked"]
    assert not torch.isin(made["original_ids"][chosen], special).any()
    put_in = made["input_ids"][chosen & (made["input_ids"] != MASK)]
    assert not torch.isin(put_in, special).any()
    # All of the others are, with 2,700 draws of 295, but for one or two at most.
    assert len(put_in.unique()) > 290


def test_other_batches_and_other_seeds_are_masked_otherwise(masking: Masking) -> None:
    batch = many_tokens()
    made = [masking.masked(batch, *which)["is_masked"] for which in ((1, 5), (1, 6), (2, 5))]
    assert not torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    ids = np.random.default_rng(0).integers(4, 299, (40, 64))
    write_rows(
        tmp_path / "rows.arrow",
        [{"input_ids": ids, "position_ids": np.tile(np.arange(64), (40, 1))}],
    )
    return Rows(tmp_path / "rows.arrow")


def test_a_batch_is_the_same_whenever_and_by_however_many_processes_it_is_made(
    rows: Rows, masking: Masking
) -> None:
    def batches(rank: int = 0, world_size: int = 1) -> StepBatches:
        return StepBatches(
            rows, 7, 1, rank=rank, world_size=world_size, objective="masked", masking=masking
        )

    in_turn = batches()
    whole = [in_turn[number] for number in range(4)][3]
    assert whole["is_masked"].any()
    for world_size in (1, 2, 3):
        for rank in range(world_size):
            share = batches(rank, world_size)[3]
            assert share.keys() == whole.keys()
            for name, column in share.items():
                assert torch.equal(column, whole[name][rank::world_size]), (name, rank, world_size)


def test_mixed_masks_the_wanted_share_of_the_batches_and_leaves_the_others_as_they_are(
    rows: Rows, masking: Masking
) -> None:
    batches = StepBatches(rows, 2, 1, objective="mixed", masked_share=0.3, masking=masking)
    plain = StepBatches(rows, 2, 1)
    masked = 0
    for number in range(600):
        made = batches[number]
        if "is_masked" in made:
            masked += 1
        else:
            assert torch.equal(made["input_ids"], plain[number]["input_ids"])
    # The standard deviation of 600 draws of 0.3 is 11.
    assert 140 < masked < 220
    assert masked == sum(is_masked_batch("mixed", 0.3, 1, number) for number in range(600))


def test_mixed_comes_to_masked_at_one_and_to_causal_at_nothing() -> None:
    assert all(is_masked_batch("mixed", 1.0, 1, number) for number in range(50))
    assert not any(is_masked_batch("mixed", 0.0, 1, number) for number in range(50))
