"""Compression recipes, and what each costs and gains: size, speed, and held-out bits per byte.

The recipe's model is measured beside the same weights as float32 and as bfloat16, in the same run
and on the same text, each loaded from disk as any user would load it.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel

from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.language_model import LanguageModel
from model.quantize import int8_model
from model.tokenizer import ChatTokenizer
from tasks.evaluate.language_model import bits_per_byte
from tasks.params import CompressParams
from tasks.progress import Progress, silent
from tasks.thinning import thinned

RECIPES: Mapping[str, Callable[[LanguageModel], LanguageModel]] = {"int8": int8_model}

SPEED_ROUNDS = 3
SPEED_TOKENS = 48  # a round; enough that the first one's cost does not show


class Measured(BaseModel):
    """One form of the model. ``tokens_per_second`` is of one reply alone, the best of 3 rounds."""

    bytes: int
    tokens_per_second: float
    bits_per_byte: float


class CompressReport(BaseModel):
    """The forms by name (float32, bfloat16 and the recipe's), and the recipe against float32."""

    recipe: str
    forms: dict[str, Measured]
    times_smaller: float
    times_faster: float
    bits_per_byte_lost: float


def compress(
    chat: Path,
    clean: Path,
    out: Path,
    params: CompressParams,
    *,
    progress: Progress = silent,
) -> CompressReport:
    """Make the small model and say what it costs.

    Args:
        chat: the chat model's folder.
        clean: the clean corpus; the forms are measured on its validation split.
        out: the small model is written to ``out/<recipe>``, loadable as ``chat`` is.

    Raises:
        MissingInput, BadInput: the model or the corpus is missing or broken.
        CorpusTooSmall: the validation split holds no text.
    """
    documents = thinned(clean / "validation", params.held_out_bytes)
    texts = [document.text for document in documents]
    model = load_pretrained(chat, dtype=torch.float32)
    small = out / params.recipe
    save_pretrained(RECIPES[params.recipe](model), small, tokenizer=chat)
    # Within the output, which a killed run leaves unfinished and the next one clears away.
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        full, half = Path(scratch) / "float32", Path(scratch) / "bfloat16"
        save_pretrained(model, full, tokenizer=chat)
        save_pretrained(model.bfloat16(), half, tokenizer=chat)
        forms = {
            name: measured(folder, texts, progress)
            for name, folder in (("float32", full), ("bfloat16", half), (params.recipe, small))
        }
    before, after = forms["float32"], forms[params.recipe]
    return CompressReport(
        recipe=params.recipe,
        forms=forms,
        times_smaller=before.bytes / after.bytes,
        times_faster=after.tokens_per_second / before.tokens_per_second,
        bits_per_byte_lost=after.bits_per_byte - before.bits_per_byte,
    )


def measured(folder: Path, texts: Sequence[str], progress: Progress = silent) -> Measured:
    """Load a model from its folder and measure it."""
    model, tokenizer = load_pretrained(folder), ChatTokenizer.load(folder)
    score = bits_per_byte(model, tokenizer, texts, progress=progress)
    return Measured(
        bytes=(folder / "model.safetensors").stat().st_size,
        tokens_per_second=tokens_per_second(model, tokenizer.encode(texts[0])),
        bits_per_byte=score.bits_per_byte,
    )


def tokens_per_second(model: LanguageModel, prompt_ids: Sequence[int]) -> float:
    """How fast one reply is written, the reading of its prompt (at most 32 tokens) left out."""
    room = model.config.context_length // 2
    prompt_ids = prompt_ids[: min(32, room)] or [0]
    tokens = min(SPEED_TOKENS, room - 1)
    fastest = 0.0
    for _ in range(SPEED_ROUNDS):
        reply = generate(model, prompt_ids, max_new_tokens=tokens + 1)
        next(reply)
        started = time.perf_counter()
        made = sum(1 for _ in reply)
        fastest = max(fastest, made / (time.perf_counter() - started))
    return fastest


def table(report: CompressReport) -> str:
    """The forms side by side, in Markdown."""
    lines = ["| weights | bytes on disk | tokens/s | bits per byte |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {form.bytes:,} | {form.tokens_per_second:,.0f} | {form.bits_per_byte:.4f} |"
        for name, form in report.forms.items()
    ]
    return "\n".join(lines) + "\n"
