"""The weights of a Hugging Face folder: from its files to the names and shapes here, and back.

Notable choices: only safetensors are read, because other files are programs. GPT-2's ``Conv1D``
matrices are turned, its first checkpoints' names completed and their masks, which are no weights,
left out. Layers that share their weights stand in the file once each, as transformers wants them.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from chatwright.errors import BadInput, MissingInput
from model.config import ModelConfig
from model.hf_config import CONFIG, read_json
from model.language_model import LanguageModel

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
State = dict[str, Tensor]

_CONV1D = re.compile(r"\.(c_attn|c_proj|c_fc)\.weight$")
_GPT2_MASK = re.compile(r"^transformer\.h\.\d+\.attn\.(bias|masked_bias)$")
_LAYER = re.compile(r"^(model\.layers|transformer\.h)\.(\d+)\.")


def read_weights(folder: Path) -> State:
    """All tensors of a folder, of one file or of those that an index names.

    Raises:
        MissingInput: a file is not there.
        BadInput: a file is cut short or something else.
    """
    names = [WEIGHTS]
    if (folder / INDEX).is_file():
        shards = read_json(folder / INDEX).get("weight_map")
        if not isinstance(shards, dict):
            raise BadInput(str(folder / INDEX), "has no weight_map")
        names = sorted({Path(name).name for name in shards.values()})
    state: State = {}
    for name in names:
        try:
            state |= load_file(folder / name)
        except FileNotFoundError:
            if name == WEIGHTS and any(folder.glob("*.bin")):
                raise BadInput(
                    str(folder),
                    "has its weights as .bin files only, and safetensors are needed",
                    "Convert them, or take a folder that has model.safetensors",
                ) from None
            raise MissingInput(str(folder / name), "there is no such file") from None
        except SafetensorError as error:
            raise BadInput(
                str(folder / name),
                f"is not a whole safetensors file: {' '.join(str(error).split())}",
                "Build or download it anew",
            ) from None
    return state


def from_hf(state: Mapping[str, Tensor], config: ModelConfig, folder: Path) -> State:
    """A folder's tensors under the names, and of the shapes, that the model here has.

    Raises:
        BadInput: the config says that the layers are shared, and they differ.
    """
    result = dict(state)
    if config.architecture == "gpt2":
        result = {
            name if name.startswith(("transformer.", "lm_head.")) else f"transformer.{name}": tensor
            for name, tensor in result.items()
        }
        result = {
            name: _turned(name, tensor)
            for name, tensor in result.items()
            if not _GPT2_MASK.match(name)
        }
    if config.tie_embeddings:
        for name in ("lm_head.weight", "lm_head.weight_scale"):
            result.pop(name, None)
    return _shared(result, folder) if config.share_layers else result


def to_hf(state: Mapping[str, Tensor], config: ModelConfig) -> State:
    """The model's tensors under the names, and of the shapes, that Hugging Face has."""
    result: State = {}
    for name, tensor in state.items():
        names = [name]
        if config.share_layers and (layer := _LAYER.match(name)):
            rest = name[layer.end() :]
            names = [f"{layer[1]}.{depth}.{rest}" for depth in range(config.num_layers)]
        for each in names:
            turned = _turned(each, tensor) if config.architecture == "gpt2" else tensor
            # Two names of one memory are refused by safetensors.
            kept = turned.detach().cpu().contiguous()
            result[each] = kept.clone() if len(names) > 1 else kept
    return result


def check_weights(model: LanguageModel, state: Mapping[str, Tensor], folder: Path) -> None:
    """Compare a checkpoint's names and shapes with the model's.

    Raises:
        BadInput: a weight is missing, unknown or of another shape.
    """
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


def _turned(name: str, tensor: Tensor) -> Tensor:
    turns = _CONV1D.search(name) and tensor.dim() == 2
    return tensor.T.contiguous() if turns else tensor


def _shared(state: State, folder: Path) -> State:
    """The first layer only, if the others are the same."""
    result: State = {}
    for name, tensor in state.items():
        layer = _LAYER.match(name)
        if layer is None or layer[2] == "0":
            result[name] = tensor
            continue
        first = f"{layer[1]}.0.{name[layer.end() :]}"
        if first not in state or not torch.equal(state[first], tensor):
            raise BadInput(
                str(folder), f"its layers are to be shared, and {name} differs from {first}"
            )
    return result
