"""Child process: transformers' Trainer. ``python -P run_trainer.py JOB.json``, in its environment.

GPT-2's shape, as nanoGPT has it; GELU in one kernel (``gelu_new``, GPT-2's own, is composed of
eight and slower); AdamW fused.
"""

import json
import sys
from typing import Any

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)


class Windows(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Every window of a file of uint16 tokens, in memory; the model shifts the labels itself."""

    def __init__(self, path: str, context: int) -> None:
        self.ids = torch.from_numpy(np.fromfile(path, np.uint16).astype(np.int64))
        self.context = context

    def __len__(self) -> int:
        return len(self.ids) - self.context

    def __getitem__(self, start: int) -> dict[str, torch.Tensor]:
        ids = self.ids[start : start + self.context]
        return {"input_ids": ids, "labels": ids}


class TellSteps(TrainerCallback):
    """A line on the output for every step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        print("step", state.global_step, flush=True)


def main() -> None:
    """Train until killed."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=job["vocabulary"],
            n_positions=job["context"],
            n_embd=job["width"],
            n_layer=job["layers"],
            n_head=job["heads"],
            activation_function="gelu",
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            bos_token_id=None,
            eos_token_id=None,
            use_cache=False,
        )
    )
    arguments = TrainingArguments(
        output_dir=job["folder"],
        use_cpu=True,
        max_steps=job["steps"],
        per_device_train_batch_size=job["batch"],
        learning_rate=1e-3,
        weight_decay=0.1,
        warmup_steps=100,
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        bf16=job["precision"] == "bf16",
        torch_compile=job["compiled"],
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
    )
    Trainer(
        model=model,
        args=arguments,
        train_dataset=Windows(job["data"], job["context"]),
        data_collator=default_data_collator,
        callbacks=[TellSteps()],
    ).train()


if __name__ == "__main__":
    main()
