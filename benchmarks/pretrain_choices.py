"""What was tried for the default model: the same corpus and budget, one thing changed at a time.

Run as ``python -m benchmarks.pretrain_choices`` in a project whose data/clean is built; a row
takes one to three minutes on two cores. ``--only NAME`` (again and again) runs some rows,
``--tokens`` sets the budget, ``--list`` names the rows. Tokens a second stand beside the bits,
because a choice that is slower has to be better. docs/training.md has the table and what we made
of it.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from model.hf import load_pretrained
from model.tokenizer import ChatTokenizer
from tasks.documents import read_documents
from tasks.evaluate.floors import xz
from tasks.evaluate.language_model import bits_per_byte
from tasks.pack import pack
from tasks.params import Params, check_params
from tasks.pretrain import pretrain
from tasks.tokenizer import train_tokenizer

CLEAN, DIALOGUES = Path("data/clean"), Path("data/dialogues")

CHOICES: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "adamw": {"pretrain.optimizer": "adamw", "pretrain.learning_rate": 3e-3},
    "cosine": {"pretrain.schedule": "cosine"},
    "learning rate 1e-2": {"pretrain.learning_rate": 1e-2},
    "learning rate 2.5e-3": {"pretrain.learning_rate": 2.5e-3},
    "weight decay 0.1": {"pretrain.weight_decay": 0.1},
    "dropout 0.1": {"model.dropout": 0.1},
    "4 rows a step": {"pretrain.batch_size": 4},
    "16 rows a step": {"pretrain.batch_size": 16},
    "2 layers": {"model.num_layers": 2},
    "4 layers": {"model.num_layers": 4},
    "192 wide, 6 layers": {
        "model.hidden_size": 192,
        "model.num_layers": 6,
        "model.num_heads": 3,
        "model.num_key_value_heads": 1,
    },
    "320 wide, 3 layers": {
        "model.hidden_size": 320,
        "model.num_layers": 3,
        "model.num_heads": 5,
        "model.num_key_value_heads": 1,
    },
    "384 wide, 2 layers": {
        "model.hidden_size": 384,
        "model.num_layers": 2,
        "model.num_heads": 6,
        "model.num_key_value_heads": 2,
    },
    "2 heads of 128": {"model.num_heads": 2, "model.num_key_value_heads": 1},
    "vocabulary 2,048": {"tokenizer.vocab_size": 2048},
    "vocabulary 8,192": {"tokenizer.vocab_size": 8192},
    "context 128, 16 rows": {"pack.context_length": 128, "pretrain.batch_size": 16},
}


def params_with(changes: Mapping[str, Any], tokens: int) -> Params:
    """params.yaml with some keys changed."""
    tree = YAML(typ="safe").load(Path("params.yaml").read_text(encoding="utf-8"))
    for key, value in {"pretrain.tokens": tokens, **changes}.items():
        section, name = key.split(".")
        tree[section][name] = value
    return check_params(tree)


def trained(params: Params, folder: Path) -> list[str]:
    """One row of the table: build tokenizer, rows and model, and measure."""
    tokenizer, tokens, base, work = (folder / name for name in ("t", "rows", "base", "work"))
    work.mkdir()
    train_tokenizer(CLEAN, DIALOGUES, tokenizer, params.tokenizer)
    pack(CLEAN, tokenizer, tokens, params.pack)
    report = pretrain(
        tokens, tokenizer, base, work, params.pretrain, params.model, params.seed
    ).report
    texts = [document.text for document in read_documents(CLEAN / "test")]
    score = bits_per_byte(load_pretrained(base), ChatTokenizer.load(base), texts)
    return [
        f"{report.parameters / 1e6:.1f} M",
        f"{report.tokens:,}",
        f"{score.bits_per_byte:.3f}",
        f"{report.tokens_per_second:,.0f}",
        f"{report.seconds:.0f}",
    ]


def main() -> None:
    """Run the rows and print the table."""
    parser = argparse.ArgumentParser(description="The table of what was tried")
    parser.add_argument("--only", action="append", choices=CHOICES, help="a row; may be repeated")
    parser.add_argument("--tokens", type=int, default=600_000, help="of each row")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CHOICES))
        return
    table = Table(title="held-out bits per byte")
    for column in ("", "parameters", "tokens", "bits per byte", "tokens/s", "seconds"):
        table.add_column(column, justify="left" if not column else "right")
    splits = {s: [d.text for d in read_documents(CLEAN / s)] for s in ("train", "test")}
    table.add_row("xz, given the training text", "", "", f"{xz(*splits.values()):.3f}", "", "")
    for name in arguments.only or CHOICES:
        with tempfile.TemporaryDirectory() as folder:
            row = trained(params_with(CHOICES[name], arguments.tokens), Path(folder))
        print(name, *row, sep="  ", flush=True)
        table.add_row(name, *row)
    Console().print(table)


if __name__ == "__main__":
    main()
