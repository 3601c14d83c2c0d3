"""The compress stage: a small model that loads, and a table that says what it costs."""

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from chatwright.errors import BadInput, CorpusTooSmall, MissingInput
from model.config import ModelConfig
from model.hf import load_pretrained, save_pretrained
from model.quantize import is_quantized
from model.tokenizer import SPECIAL_TOKENS, ChatTokenizer, save_tokenizer
from model.transformer import Transformer
from tasks.compress.recipes import compress, table
from tasks.documents import Document, write_documents
from tasks.evaluate.language_model import bits_per_byte
from tasks.params import CompressParams
from tasks.thinning import thinned

PARAMS = CompressParams(recipe="int8", held_out_bytes=2_000)


def document(number: int, text: str) -> Document:
    return Document(
        id=f"folder/{number}", source="folder", url=None, title="t", text=text, lang="en",
        license=None, fetched_at=None, meta={},
    )  # fmt: skip


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """A chat model that has learned nothing, of bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL_TOKENS, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    (tmp_path / "tokenizer").mkdir()
    save_tokenizer(tokenizer, tmp_path / "tokenizer", context_length=64)
    config = ModelConfig.from_size("tiny", vocab_size=len(vocabulary), context_length=64)
    model = Transformer(config)
    model.init_weights(seed=1, std=0.1)
    save_pretrained(model, tmp_path / "chat", tokenizer=tmp_path / "tokenizer")
    return tmp_path / "chat"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    texts = ["How do I copy a folder?", "Use shutil.copytree. " * 9, "你好，世界。"]
    documents = [document(number, text) for number, text in enumerate(texts)]
    write_documents(documents, tmp_path / "clean" / "validation")
    return tmp_path / "clean"


def test_the_small_model_loads_and_is_what_the_table_says(
    chat: Path, clean: Path, tmp_path: Path
) -> None:
    report = compress(chat, clean, tmp_path / "out", PARAMS)
    folder = tmp_path / "out" / "int8"
    model, tokenizer = load_pretrained(folder), ChatTokenizer.load(folder)
    assert is_quantized(model)
    assert list(report.forms) == ["float32", "bfloat16", "int8"]
    found = report.forms["int8"]
    assert found.bytes == (folder / "model.safetensors").stat().st_size
    texts = [text.text for text in thinned(clean / "validation", PARAMS.held_out_bytes)]
    assert found.bits_per_byte == bits_per_byte(model, tokenizer, texts).bits_per_byte
    assert all(form.tokens_per_second > 0 for form in report.forms.values())
    assert table(report).splitlines()[-1].startswith(f"| int8 | {found.bytes:,} | ")


def test_a_byte_a_weight_costs_next_to_nothing_in_prediction(
    chat: Path, clean: Path, tmp_path: Path
) -> None:
    report = compress(chat, clean, tmp_path / "out", PARAMS)
    sizes = {name: form.bytes for name, form in report.forms.items()}
    # 4, 2 and 1 byte a weight, and some kilobytes of scales and of names.
    assert sizes["float32"] == pytest.approx(2 * sizes["bfloat16"], rel=0.02)
    assert sizes["int8"] < 0.3 * sizes["float32"]
    assert report.times_smaller == sizes["float32"] / sizes["int8"]
    assert abs(report.bits_per_byte_lost) < 0.01 * report.forms["float32"].bits_per_byte


def test_the_same_model_gives_the_same_bytes(chat: Path, clean: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        compress(chat, clean, tmp_path / name, PARAMS)
    files = sorted(file.name for file in (tmp_path / "one" / "int8").iterdir())
    assert files == sorted(file.name for file in (tmp_path / "two" / "int8").iterdir())
    for name in files:
        one, two = (tmp_path / run / "int8" / name for run in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), name


def test_an_empty_split_is_refused(chat: Path, tmp_path: Path) -> None:
    write_documents([], tmp_path / "clean" / "validation")
    with pytest.raises(CorpusTooSmall):
        compress(chat, tmp_path / "clean", tmp_path / "out", PARAMS)


def test_a_missing_or_damaged_model_is_named(chat: Path, clean: Path, tmp_path: Path) -> None:
    (chat / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(BadInput, match="model.safetensors"):
        compress(chat, clean, tmp_path / "out", PARAMS)
    with pytest.raises(MissingInput, match="nowhere"):
        compress(tmp_path / "nowhere", clean, tmp_path / "out", PARAMS)


def test_weights_of_another_type_are_measured_too(chat: Path, clean: Path, tmp_path: Path) -> None:
    save_pretrained(load_pretrained(chat, dtype=torch.bfloat16), chat)
    report = compress(chat, clean, tmp_path / "out", PARAMS)
    assert report.forms["float32"].bytes > report.forms["bfloat16"].bytes
