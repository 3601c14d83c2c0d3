"""The main figures of each stage, in a few words, from its report.

One line a stage: for the summary in the terminal and for the flow's table.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPORTS = Path("reports")
KEPT = "damaged characters"
"""What ``ingest`` counts beside all that it leaves out: the texts with such characters stay."""


def _ingest(report: dict[str, Any]) -> str:
    documents, dialogues = sum(report["documents"].values()), sum(report["dialogues"].values())
    size = sum(report["bytes"].values()) / 1e6
    reasons = [of_source.items() for of_source in report["left_out"].values()]
    left_out = sum(count for each in reasons for reason, count in each if reason != KEPT)
    said = f"; {left_out:,} left out while reading" if left_out else ""
    return f"{documents:,} documents, {dialogues:,} dialogues, {size:.1f} MB{said}"


def _preprocess(report: dict[str, Any]) -> str:
    splits = ", ".join(f"{count:,} {split}" for split, count in report["documents"].items())
    rejected = sum(report["rejected"].values())
    return f"{splits}; {rejected:,} documents left out"


def _tokenizer(report: dict[str, Any]) -> str:
    each = ", ".join(f"{lang} {value:.2f}" for lang, value in report["bytes_per_token"].items())
    return f"{report['vocab_size']:,} tokens in the vocabulary; bytes a token: {each}"


def _pack(report: dict[str, Any]) -> str:
    train = report["train"]
    return f"{train['tokens']:,} tokens in {train['rows']:,} rows, {train['fill']:.0%} filled"


def _pretrain(report: dict[str, Any]) -> str:
    return (
        f"{report['parameters'] / 1e6:.1f} M parameters, {report['tokens'] / 1e6:.2f} M tokens, "
        f"loss {report['loss']:.2f}, {report['tokens_per_second']:,.0f} tokens/s"
    )


def _finetune(report: dict[str, Any]) -> str:
    return f"{report['conversations']:,} conversations, loss {report['loss']:.2f}"


def _compress(report: dict[str, Any]) -> str:
    return "; ".join(
        f"{name} {row['bytes'] / 1e6:.1f} MB, {row['bits_per_byte']:.3f} bits per byte"
        for name, row in report["forms"].items()
    )


def _index(report: dict[str, Any]) -> str:
    return f"{report['passages']:,} passages, {report['terms']:,} terms"


def _evaluate(report: dict[str, Any]) -> str:
    bits = report["language_model"]["compressed"]["bits_per_byte"]
    first = report["questions"]["written"]["all"].get("right_first")
    asked = "" if first is None else f", right document first {first:.0%}"
    return f"{bits:.3f} bits per byte{asked}"


def _register(report: dict[str, Any]) -> str:
    role = "champion" if report["is_champion"] else "challenger"
    # The alias may have been moved since.
    return f"version {report['version']}, registered as {role}: {report['reason']}"


HEADLINES: dict[str, Callable[[dict[str, Any]], str]] = {
    "ingest": _ingest,
    "preprocess": _preprocess,
    "tokenizer": _tokenizer,
    "pack": _pack,
    "pretrain": _pretrain,
    "finetune": _finetune,
    "compress": _compress,
    "index": _index,
    "evaluate": _evaluate,
    "register": _register,
}


def read_report(stage: str) -> dict[str, Any] | None:
    """A stage's report; None if the stage has not run yet."""
    path = REPORTS / f"{stage}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def headline(stage: str) -> str:
    """The main figures of a stage; empty if it has not run yet."""
    report = read_report(stage)
    return HEADLINES[stage](report) if report else ""
