"""A tokenizer and a model, both small and random, for the tests of this folder."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from model.config import ModelConfig
from model.tokenizer import SPECIAL_TOKENS, save_tokenizer
from model.transformer import Transformer

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
