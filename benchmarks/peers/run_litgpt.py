"""Child process: litgpt's pretraining. ``python -P run_litgpt.py JOB.json``, in its environment.

Calls ``litgpt.pretrain.setup``, which is what ``litgpt pretrain`` calls, with a data module of
ours in place of those that tokenize and stream. The model is its GPT-NeoX shape (rotary positions,
GELU) without biases. litgpt always calls ``torch.compile``; TORCHDYNAMO_DISABLE=1 in the
environment makes that do nothing.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from litgpt import Config
from litgpt.args import EvalArgs, TrainArgs
from litgpt.data import DataModule
from litgpt.pretrain import setup
from torch.utils.data import DataLoader, IterableDataset


class RandomBatches(IterableDataset):  # type: ignore[type-arg]
    """Whole batches of windows of ``context + 1`` tokens; tells when each one is asked for."""

    def __init__(self, path: str, batch: int, context: int, *, tell: bool) -> None:
        self.ids = torch.from_numpy(np.fromfile(path, np.uint16).astype(np.int64))
        self.batch, self.context, self.tell = batch, context, tell

    def __iter__(self) -> Iterator[torch.Tensor]:
        generator = torch.Generator().manual_seed(0)
        offsets = torch.arange(self.context + 1)
        step = 0
        while True:
            if self.tell and step:
                # Asked for the next batch: the step before is done.
                print("step", step, flush=True)
            starts = torch.randint(
                len(self.ids) - self.context - 1, (self.batch, 1), generator=generator
            )
            step += 1
            yield self.ids[starts + offsets]


class Tokens(DataModule):
    """The batches of a file of uint16 tokens."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.batch_size, self.max_seq_length = path, 1, 1

    def connect(
        self, tokenizer: object = None, batch_size: int = 1, max_seq_length: int | None = None
    ) -> None:
        self.batch_size, self.max_seq_length = batch_size, max_seq_length or 1

    def train_dataloader(self) -> DataLoader:  # type: ignore[type-arg]
        return self._loader(tell=True)

    def val_dataloader(self) -> DataLoader:  # type: ignore[type-arg]
        return self._loader(tell=False)

    def _loader(self, *, tell: bool) -> DataLoader:  # type: ignore[type-arg]
        batches = RandomBatches(self.path, self.batch_size, self.max_seq_length, tell=tell)
        return DataLoader(batches, batch_size=None)


def main() -> None:
    """Train until killed."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    sys.argv[1:] = []
    config = Config(
        name="benchmark",
        block_size=job["context"],
        n_layer=job["layers"],
        n_embd=job["width"],
        n_head=job["heads"],
        vocab_size=job["vocabulary"],
        padded_vocab_size=job["vocabulary"],
        parallel_residual=False,
        bias=False,
    )
    setup(
        "benchmark",
        model_config=config,
        out_dir=Path(job["folder"]),
        precision=job["precision"],
        data=Tokens(job["data"]),
        train=TrainArgs(
            save_interval=None,
            log_interval=100,
            global_batch_size=job["batch"],
            micro_batch_size=job["batch"],
            max_tokens=job["steps"] * job["batch"] * job["context"],
            max_norm=1.0,
            lr_warmup_steps=100,
            tie_embeddings=True,
        ),
        eval=EvalArgs(interval=10**9, final_validation=False),
        optimizer={
            "class_path": "torch.optim.AdamW",
            "init_args": {"lr": 1e-3, "weight_decay": 0.1},
        },
        devices=1,
        logger_name="csv",
    )


if __name__ == "__main__":
    main()
