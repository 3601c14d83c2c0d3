"""config.json, both ways: Llama, Qwen2, Qwen3 and GPT-2 as transformers writes them.

Notable choices: what the models here do not compute (sliding windows, other activations, rotary
positions scaled otherwise than Llama 3.1's) is refused by name, never passed over. Recurrent
models, which transformers does not have, stand under our own keys with a ``model_type`` of our own.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from chatwright.errors import BadInput, BadParameter, MissingInput
from model.config import RECURRENT, Architecture, ModelConfig, RopeScaling

if TYPE_CHECKING:
    import torch

CONFIG = "config.json"
CLASSES: Mapping[str, str] = {
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gpt2": "GPT2LMHeadModel",
}
OURS = "chatwright-"
SHARED = "chatwright_share_layers"
"""The key that says that all layers of a folder have the same weights, to be shared once more."""

# What each key has to be, where it is there at all: the value that the model here computes.
_GATED = {
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "partial_rotary_factor": 1.0,
}
_ONLY: Mapping[str, Mapping[str, Any]] = {
    "llama": _GATED,
    "qwen2": _GATED | {"use_sliding_window": False},
    "qwen3": _GATED | {"use_sliding_window": False},
    "gpt2": {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
}


def hf_config(config: ModelConfig, dtype: "torch.dtype") -> dict[str, Any]:
    """The contents of ``config.json``, special tokens and quantization left out.

    Args:
        dtype: of the weights.
    """
    type_ = str(dtype).removeprefix("torch.")
    if config.architecture in RECURRENT:
        return asdict(config) | {"model_type": OURS + config.architecture, "dtype": type_}
    tree: dict[str, Any] = {
        "architectures": [CLASSES[config.architecture]],
        "model_type": config.architecture,
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.tie_embeddings,
        "use_cache": True,
        "dtype": type_,
    }
    if config.share_layers:
        tree[SHARED] = True
    if config.architecture == "gpt2":
        return tree | {
            "n_embd": config.hidden_size,
            "n_layer": config.num_layers,
            "n_head": config.num_heads,
            "n_inner": config.intermediate_size,
            "n_positions": config.context_length,
            "n_ctx": config.context_length,
            "layer_norm_epsilon": config.norm_eps,
            "activation_function": "gelu_new",
            "attn_pdrop": 0.0,
            "embd_pdrop": config.dropout,
            "resid_pdrop": config.dropout,
        }
    if config.rope_scaling is not None:
        # What transformers before 5, vLLM and llama.cpp read.
        tree["rope_scaling"] = _rope(config) | {"rope_theta": config.rope_theta}
    return tree | {
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.context_length,
        # transformers 5 reads rope_parameters; earlier releases, vLLM and llama.cpp the other.
        "rope_parameters": _rope(config) | {"rope_theta": config.rope_theta},
        "rope_theta": config.rope_theta,
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
    }


def _rope(config: ModelConfig) -> dict[str, Any]:
    scaling = config.rope_scaling
    if scaling is None:
        return {"rope_type": "default"}
    return {
        "rope_type": "llama3",
        "factor": scaling.factor,
        "low_freq_factor": scaling.low_freq_factor,
        "high_freq_factor": scaling.high_freq_factor,
        "original_max_position_embeddings": scaling.original_context_length,
    }


def model_config(tree: Mapping[str, Any], path: Path) -> ModelConfig:
    """Read ``config.json``.

    Raises:
        BadInput: it is of another architecture, or something in it is missing or does not fit.
    """
    kind = str(tree.get("model_type"))
    architecture = kind.removeprefix(OURS)
    if architecture not in get_args(Architecture) or (architecture in RECURRENT) != (
        kind.startswith(OURS)
    ):
        known = [*CLASSES, *(OURS + name for name in RECURRENT)]
        raise BadInput(
            str(path),
            f"describes a model of the type {tree.get('model_type')}",
            f"Of these types it can be loaded: {', '.join(known)}",
        )
    for name, usual in _ONLY.get(architecture, {}).items():
        fitting = usual if isinstance(usual, tuple) else (usual,)
        if name in tree and tree[name] not in fitting:
            raise BadInput(str(path), f"{name} is {tree[name]!r}, and only {usual!r} can be loaded")
    try:
        if architecture in RECURRENT:
            return ModelConfig(**{f.name: tree[f.name] for f in fields(ModelConfig)})
        if architecture == "gpt2":
            return _gpt2(tree)
        return _decoder(architecture, tree, path)
    except KeyError as error:
        raise BadInput(str(path), f"has no {error.args[0]}") from None
    except (BadParameter, TypeError, ValueError) as error:
        raise BadInput(str(path), str(error).rstrip(".")) from None


def _gpt2(tree: Mapping[str, Any]) -> ModelConfig:
    width, heads = tree["n_embd"], tree["n_head"]
    return ModelConfig(
        architecture="gpt2",
        vocab_size=tree["vocab_size"],
        hidden_size=width,
        num_layers=tree["n_layer"],
        num_heads=heads,
        num_key_value_heads=heads,
        head_dim=_head_dim(width, heads),
        intermediate_size=tree.get("n_inner") or 4 * width,
        context_length=tree["n_positions"],
        norm_eps=tree.get("layer_norm_epsilon", 1e-5),
        tie_embeddings=tree.get("tie_word_embeddings", True),
        share_layers=tree.get(SHARED, False),
    )


def _decoder(architecture: Any, tree: Mapping[str, Any], path: Path) -> ModelConfig:
    rope = {**(tree.get("rope_scaling") or {}), **(tree.get("rope_parameters") or {})}
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind not in ("default", "llama3"):
        raise BadInput(
            str(path), f"its rope_type is {kind!r}, and only default and llama3 can be loaded"
        )
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        raise BadInput(str(path), "only a part of each head is rotated, which is not supported")
    if set(tree.get("layer_types") or ()) - {"full_attention"}:
        raise BadInput(str(path), "some of its layers see a sliding window, which is not supported")
    width, heads = tree["hidden_size"], tree["num_attention_heads"]
    return ModelConfig(
        architecture=architecture,
        vocab_size=tree["vocab_size"],
        hidden_size=width,
        num_layers=tree["num_hidden_layers"],
        num_heads=heads,
        num_key_value_heads=tree.get("num_key_value_heads") or heads,
        head_dim=tree.get("head_dim") or _head_dim(width, heads),
        intermediate_size=tree["intermediate_size"],
        context_length=tree["max_position_embeddings"],
        rope_theta=float(rope.get("rope_theta") or tree.get("rope_theta", 10_000.0)),
        norm_eps=tree.get("rms_norm_eps", 1e-6),
        tie_embeddings=tree.get("tie_word_embeddings", False),
        share_layers=tree.get(SHARED, False),
        rope_scaling=None if kind == "default" else _llama3(rope),
    )


def _llama3(rope: Mapping[str, Any]) -> RopeScaling:
    return RopeScaling(
        factor=float(rope["factor"]),
        low_freq_factor=float(rope["low_freq_factor"]),
        high_freq_factor=float(rope["high_freq_factor"]),
        original_context_length=int(rope["original_max_position_embeddings"]),
    )


def _head_dim(width: int, heads: int) -> int:
    if heads < 1 or width % heads:
        raise ValueError(f"{heads} heads do not divide the width of {width}")
    return width // heads


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        MissingInput: there is no such file.
        BadInput: it holds something else.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(str(path), "there is no such file") from None
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise BadInput(str(path), "does not hold a JSON object")
    return tree
