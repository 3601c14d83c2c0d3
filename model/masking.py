"""Masked tokens, as BERT has them (Devlin et al. 2018, arXiv:1810.04805).

Of the tokens of a batch 15 % are chosen and have to be told from what stands on both sides; of
those 80 % are replaced by the mask token, 10 % by any other, 10 % stay, so that no token can be
trusted blindly. Special tokens, and so the filling of rows, are never chosen nor put in.

Notable choices: which ones is a function of the seed, of the batch's number and of the row's place
in the batch, and of nothing else. So a resumed run masks what an uninterrupted one masks, and how
many processes share a batch makes no difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Objective = Literal["causal", "masked", "mixed"]

CHOSEN_SHARE = 0.15
MASKED_SHARE, RANDOM_SHARE = 0.8, 0.1

VALIDATION_SEED = 2**32
"""Above all seeds; validation is masked alike in all runs."""


@dataclass(frozen=True)
class Masking:
    """What masking has to know of a vocabulary.

    Attributes:
        mask_id: the id of the mask token.
        ordinary_ids: int ``(N,)``, ascending: the ids that are not special.
    """

    mask_id: int
    ordinary_ids: Tensor

    @classmethod
    def of(cls, mask_id: int, special_ids: Iterable[int], vocab_size: int) -> "Masking":
        """From the special ids of a vocabulary, the mask's own among them or not."""
        special = {mask_id, *special_ids}
        ordinary = [number for number in range(vocab_size) if number not in special]
        return cls(mask_id, torch.tensor(ordinary, dtype=torch.int32))

    def masked(
        self, batch: dict[str, Tensor], seed: int, number: int, share: slice = slice(None)
    ) -> dict[str, Tensor]:
        """A batch with tokens masked.

        Args:
            batch: ``input_ids``, int32 ``(B, T)``, and what else it may have.
            number: the batch's.
            share: which of the batch's rows these are, where several processes share it: it
                begins with the process's number and steps by how many there are.

        Returns:
            The batch with other ``input_ids``, and with ``original_ids`` as they were and
            ``is_masked``, bool ``(B, T)``: which were chosen.
        """
        input_ids = batch["input_ids"]
        rows, tokens = input_ids.shape
        generator = torch.Generator().manual_seed((seed * 1_000_003 + number) * 2 + 1)
        # Row by row, so that a row's numbers do not hang on how many rows come after it.
        all_rows = (share.start or 0) + rows * (share.step or 1)
        numbers = torch.rand(all_rows * 3 * tokens, generator=generator)
        chance, kind, other = numbers.view(all_rows, 3, tokens)[share][:rows].unbind(1)
        places = torch.searchsorted(self.ordinary_ids, input_ids.contiguous())
        places = places.clamp_max(len(self.ordinary_ids) - 1)
        is_masked = (self.ordinary_ids[places] == input_ids) & (chance < CHOSEN_SHARE)
        replaced = is_masked & (kind < MASKED_SHARE)
        swapped = is_masked & ~replaced & (kind < MASKED_SHARE + RANDOM_SHARE)
        drawn = self.ordinary_ids[(other * len(self.ordinary_ids)).long()]
        changed = torch.where(swapped, drawn, input_ids).masked_fill(replaced, self.mask_id)
        return {
            **batch,
            "input_ids": changed,
            "original_ids": input_ids,
            "is_masked": is_masked,
        }


def is_masked_batch(objective: Objective, masked_share: float, seed: int, number: int) -> bool:
    """Whether a batch is trained on masked tokens rather than on next ones.

    Args:
        masked_share: of all batches, where the objective is ``mixed``.
        number: the batch's.
    """
    if objective != "mixed":
        return objective == "masked"
    generator = torch.Generator().manual_seed((seed * 1_000_003 + number) * 2)
    return float(torch.rand((), generator=generator)) < masked_share
