"""Checkpoints in and out, in Hugging Face's layout.

What is written here, ``transformers.AutoModelForCausalLM.from_pretrained`` loads with no code of
ours: ``config.json`` (a Qwen3 model), ``generation_config.json``, ``model.safetensors`` and the
tokenizer's files. What is read may come from there: any Qwen3 folder, sharded ones included.
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
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from chatwright.errors import BadInput, BadParameter, MissingInput
from model.attention import rotary_tables
from model.config import ModelConfig
from model.quantize import (
    check_quantization_config,
    is_quantized,
    quantization_config,
    with_int8_layers,
)
from model.tokenizer import TOKENIZER_FILES, ChatTokenizer
from model.transformer import Transformer

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"


def save_pretrained(model: Transformer, folder: Path, tokenizer: Path | None = None) -> None:
    """Write a model (float or int8) as a Hugging Face folder.

    Args:
        folder: made if it is not there; files of the same names are replaced.
        tokenizer: a folder whose tokenizer files are copied, and whose special tokens end a
            reply; None writes neither.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = hf_config(model)
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
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    if is_quantized(model) and config["tie_word_embeddings"]:
        # transformers ties the int8 weight, but looks for the scale by the head's own name.
        state["lm_head.weight_scale"] = state["model.embed_tokens.weight_scale"].clone()
    _write(folder / WEIGHTS, save(state, metadata={"format": "pt"}))


def load_pretrained(
    folder: Path, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Transformer:
    """Read a Qwen3 folder: ours or transformers', float or int8; in evaluation mode.

    Args:
        dtype: the type of the weights in memory; None keeps that of the file. Int8 weights stay
            int8, and this is the type of what is not quantized and of the activations.

    Raises:
        MissingInput: a file is not there.
        BadInput: a file is corrupt, the folder is of another architecture, or a weight is missing,
            unknown or of another shape than the config says.
    """
    folder = Path(folder)
    raw = _read_json(folder / CONFIG)
    config = model_config(raw, folder / CONFIG)
    state = _read_weights(folder)
    if config.tie_embeddings:
        for name in ("lm_head.weight", "lm_head.weight_scale"):
            state.pop(name, None)
    with torch.device("meta"):
        model = Transformer(config)
    if "quantization_config" in raw:
        check_quantization_config(raw["quantization_config"], folder / CONFIG)
        scales = [name for name in state if name.endswith(".weight_scale")]
        model = with_int8_layers(model, [name.removesuffix(".weight_scale") for name in scales])
        # Memory of their own, aligned: the int8 kernel asks for it, and a mapped file may not be.
        state = {name: tensor.clone() for name, tensor in state.items()}
    _check(model, state, folder)
    if dtype is not None:
        state = {
            name: tensor.to(dtype) if tensor.is_floating_point() else tensor
            for name, tensor in state.items()
        }
    model.load_state_dict(state, assign=True)
    model.cosines, model.sines = rotary_tables(config)
    return model.to(device).eval()


def hf_config(model: Transformer) -> dict[str, Any]:
    """The contents of ``config.json``, special tokens left out."""
    config = model.config
    tree: dict[str, Any] = {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.context_length,
        # transformers 5 reads rope_parameters; earlier releases, vLLM and llama.cpp the other.
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.rms_norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_cache": True,
        "dtype": str(model.model.norm.weight.dtype).removeprefix("torch."),
    }
    if is_quantized(model):
        tree["quantization_config"] = quantization_config()
    return tree


def model_config(tree: Mapping[str, Any], path: Path) -> ModelConfig:
    """Read ``config.json``.

    Raises:
        BadInput: it is of another architecture, or something in it is missing or does not fit.
    """
    if tree.get("model_type") != "qwen3":
        raise BadInput(
            str(path),
            f"describes a model of the type {tree.get('model_type')}",
            "Only the Qwen3 architecture can be loaded",
        )
    rope = tree.get("rope_parameters") or tree.get("rope_scaling") or {}
    for name, value, usual in (
        ("hidden_act", tree.get("hidden_act", "silu"), "silu"),
        ("attention_bias", tree.get("attention_bias", False), False),
        ("use_sliding_window", tree.get("use_sliding_window", False), False),
        ("rope_type", rope.get("rope_type", "default"), "default"),
    ):
        if value != usual:
            raise BadInput(str(path), f"{name} is {value!r}, and only {usual!r} can be loaded")
    try:
        heads = tree["num_attention_heads"]
        return ModelConfig(
            vocab_size=tree["vocab_size"],
            hidden_size=tree["hidden_size"],
            num_layers=tree["num_hidden_layers"],
            num_heads=heads,
            num_key_value_heads=tree.get("num_key_value_heads") or heads,
            head_dim=tree.get("head_dim") or tree["hidden_size"] // heads,
            intermediate_size=tree["intermediate_size"],
            context_length=tree["max_position_embeddings"],
            rope_theta=float(rope.get("rope_theta") or tree.get("rope_theta", 10_000.0)),
            rms_norm_eps=tree.get("rms_norm_eps", 1e-6),
            tie_embeddings=tree.get("tie_word_embeddings", False),
        )
    except KeyError as error:
        raise BadInput(str(path), f"has no {error.args[0]}") from None
    except (BadParameter, TypeError, ValueError) as error:
        raise BadInput(str(path), str(error).rstrip(".")) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(str(path), "there is no such file") from None
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise BadInput(str(path), "does not hold a JSON object")
    return tree


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a folder, of one file or of those that an index names."""
    names = [WEIGHTS]
    if (folder / INDEX).is_file():
        shards = _read_json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict):
            raise BadInput(str(folder / INDEX), "has no weight_map")
        names = sorted({Path(name).name for name in shards.values()})
    state: dict[str, Tensor] = {}
    for name in names:
        try:
            state |= load_file(folder / name)
        except FileNotFoundError:
            raise MissingInput(str(folder / name), "there is no such file") from None
        except SafetensorError as error:
            raise BadInput(
                str(folder / name),
                f"is not a whole safetensors file: {' '.join(str(error).split())}",
                "Build or download it anew",
            ) from None
    return state


def _check(model: Transformer, state: Mapping[str, Tensor], folder: Path) -> None:
    """Compare a checkpoint's names and shapes with the model's."""
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, shape in expected.items():
        if name not in state:
            raise BadInput(str(folder), f"has no weight {name} (its shape would be {shape})")
        found = tuple(state[name].shape)
        if found != shape:
            raise BadInput(
                str(folder), f"{name} has the shape {found}, but {CONFIG} asks for {shape}"
            )
    for name in state:
        if name not in expected:
            shape = tuple(state[name].shape)
            raise BadInput(
                str(folder), f"has a weight {name} of shape {shape} that {CONFIG} knows nothing of"
            )


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
