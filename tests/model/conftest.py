"""A tokenizer and models, ours and transformers', all small and random, for this folder's tests."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from model.config import ModelConfig
from model.tokenizer import SPECIAL_TOKENS, save_tokenizer
from model.transformer import Transformer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TEXTS = ["How do I copy a folder with everything in it? Use shutil.copytree.", "你好，世界。"] * 3


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE of 300 tokens in Hugging Face's layout."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(tokenizer, folder, context_length=64)
    return folder


@pytest.fixture
def small_model() -> Transformer:
    """Two layers, four heads that share two key-value heads; weights large enough to matter."""
    config = ModelConfig(
        vocab_size=300,
        hidden_size=64,
        num_layers=2,
        num_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        intermediate_size=96,
        context_length=64,
    )
    model = Transformer(config)
    model.init_weights(seed=1, std=0.15)
    return model.eval()


@pytest.fixture(scope="session")
def reference_model() -> "Callable[..., PreTrainedModel]":
    """Makes a model of transformers: llama, qwen2, qwen3 or gpt2."""
    return _reference_model


def _reference_model(
    shape: str, *, tie: bool = True, key_value_heads: int = 2, **choices: Any
) -> "PreTrainedModel":
    """Two layers, width 64, four heads; biases and norms drawn too, as a trained model has them."""
    import transformers

    torch.manual_seed(7)
    wide = 0.15  # large enough for logits to differ by more than rounding
    settings: dict[str, Any] = {"vocab_size": 300, "initializer_range": wide}
    settings["tie_word_embeddings"] = tie
    if shape == "gpt2":
        settings |= {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
        settings |= {"bos_token_id": 0, "eos_token_id": 0}
        config: Any = transformers.GPT2Config(**settings | choices)
        model: Any = transformers.GPT2LMHeadModel(config)
    else:
        settings |= {
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": key_value_heads,
            "intermediate_size": 96,
            "max_position_embeddings": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": 50_000.0},
        }
        if shape == "qwen3":
            settings["head_dim"] = 32  # not width / heads
        name = shape.capitalize()
        config = getattr(transformers, f"{name}Config")(**settings | choices)
        model = getattr(transformers, f"{name}ForCausalLM")(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * wide)
    return model.eval()
