"""Checkpoints in and out, in Hugging Face's layout.

What is written here, ``transformers.AutoModelForCausalLM.from_pretrained`` loads with no code of
ours: ``config.json`` (a Llama, Qwen2, Qwen3 or GPT-2 model), ``generation_config.json``,
``model.safetensors`` and the tokenizer's files. What is read may come from there: any folder of
those four shapes, sharded ones included. (Recurrent models, which transformers does not have, are
written alike, under names of ours; int8 GPT-2, whose layers compressed-tensors does not know, is
read back here only.)

Notable choices: nothing is pickled; the same weights give the same bytes; every file is written
beside its place and renamed, the weights last, so that a folder never holds half a model.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from model.architectures import build
from model.bfloat16 import for_products
from model.hf_config import CONFIG, hf_config, model_config, read_json
from model.hf_weights import WEIGHTS, check_weights, from_hf, read_weights, to_hf
from model.language_model import LanguageModel
from model.quantize import (
    check_quantization_config,
    is_quantized,
    quantization_config,
    with_int8_layers,
)
from model.tokenizer import TOKENIZER_FILES, ChatTokenizer


def save_pretrained(model: LanguageModel, folder: Path, tokenizer: Path | None = None) -> None:
    """Write a model (float or int8) as a Hugging Face folder.

    Args:
        folder: made if it is not there; files of the same names are replaced.
        tokenizer: a folder whose tokenizer files are copied, and whose special tokens end a
            reply; None writes neither.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = hf_config(model.config, next(model.parameters()).dtype)
    if is_quantized(model):
        config["quantization_config"] = quantization_config()
    if tokenizer is not None:
        ids = ChatTokenizer.load(tokenizer)
        special = {
            "bos_token_id": ids.end_of_text_id,
            "eos_token_id": [ids.end_of_turn_id, ids.end_of_text_id],
            "pad_token_id": ids.end_of_text_id,
        }
        config |= special | {"eos_token_id": ids.end_of_turn_id}
        _write(folder / "generation_config.json", _json(special))
        for name in TOKENIZER_FILES:
            if (Path(tokenizer) / name).is_file() and Path(tokenizer).resolve() != folder.resolve():
                shutil.copyfile(Path(tokenizer) / name, folder / name)
    _write(folder / CONFIG, _json(config))
    state = to_hf(model.state_dict(), model.config)
    scale = state.get("model.embed_tokens.weight_scale")
    if scale is not None and model.config.tie_embeddings:
        # transformers ties the int8 weight, but looks for the scale by the head's own name.
        state["lm_head.weight_scale"] = scale.clone()
    _write(folder / WEIGHTS, save(state, metadata={"format": "pt"}))


def load_pretrained(
    folder: Path, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> LanguageModel:
    """Read a folder, ours or transformers', float or int8; the model is in evaluation mode.

    Args:
        dtype: the type of the weights in memory; None keeps that of the file, unless that is
            bfloat16 and the device has it not: then float32. Int8 weights stay int8, and this is
            the type of what is not quantized and of the activations.

    Raises:
        MissingInput: a file is not there.
        BadInput: a file is corrupt, the folder is of another architecture, or a weight is missing,
            unknown or of another shape than the config says.
    """
    folder = Path(folder)
    raw = read_json(folder / CONFIG)
    config = model_config(raw, folder / CONFIG)
    state = from_hf(read_weights(folder), config, folder)
    with torch.device("meta"):
        model = build(config)
    if "quantization_config" in raw:
        check_quantization_config(raw["quantization_config"], folder / CONFIG)
        scales = [name for name in state if name.endswith(".weight_scale")]
        model = with_int8_layers(model, [name.removesuffix(".weight_scale") for name in scales])
        # Memory of their own, aligned: the int8 kernel asks for it, and a mapped file may not be.
        state = {name: tensor.clone() for name, tensor in state.items()}
    check_weights(model, state, folder)
    if dtype is not None:
        state = {
            name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }
    elif "quantization_config" not in raw:
        kind = torch.device(device).type
        state = {
            name: tensor.to(for_products(tensor.dtype, kind)) for name, tensor in state.items()
        }
    model.load_state_dict(state, assign=True)
    model.compute_buffers()
    return model.to(device).eval()


def _json(tree: Mapping[str, Any]) -> bytes:
    return (json.dumps(tree, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _write(path: Path, content: bytes) -> None:
    """Put a file in its place whole or not at all."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
