"""Weights from elsewhere: what comes with them, what fits, and what is refused before any work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer

from chatwright.errors import BadInput, BadParameter, MissingInput
from model.architectures import build
from model.config import ModelConfig
from model.hf import load_pretrained, save_pretrained
from model.quantize import int8_model
from model.tokenizer import ChatTokenizer
from tasks.initial import planned_config
from tasks.pack import pack
from tasks.params import ModelParams, PackParams, PretrainParams
from tasks.pretrain import Pretrained, pretrain
from tasks.tokenizer import TokenizerReport, take_tokenizer

BASE_TOKENS = 320


def chat_settings(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))


def checkpoint(folder: Path, shape: str = "gpt2", padding: int = 0) -> Path:
    """A base model from elsewhere: a tokenizer of 320 ids that has no chat template, and weights."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=BASE_TOKENS,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([(Path(__file__).parent / "conftest.py").read_text()], trainer)
    assert tokenizer.get_vocab_size() == BASE_TOKENS
    config = ModelConfig.from_size(
        "tiny",
        vocab_size=BASE_TOKENS + padding,
        context_length=128,
        architecture=shape,
        hidden_size=32,
        num_heads=2,
        num_layers=2,
    )
    model = build(config)
    model.init_weights(seed=5, std=0.1)
    save_pretrained(model, folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 128}')
    return folder


def adopted(line: Path, folder: Path, init: Path | str) -> TokenizerReport:
    """The stages tokenizer and pack."""
    report = take_tokenizer(line / "clean", line / "dialogues", folder / "tokenizer", str(init))
    pack(line / "clean", folder / "tokenizer", folder / "tokens", PackParams(context_length=64))
    return report


def trained(folder: Path, init: Path | str, steps: int = 1, **choices: Any) -> Pretrained:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    params = PretrainParams(tokens=steps * 4 * 64, batch_size=4, learning_rate=1e-3)
    return pretrain(
        folder / "tokens",
        folder / "tokenizer",
        folder / "base",
        folder / "work",
        params.model_copy(update=choices),
        ModelParams(size="tiny", init=str(init)),
        seed=1,
    )


def test_a_base_models_tokenizer_learns_to_chat_and_its_ids_stay(
    tiny_line: Path, tmp_path: Path
) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    report = adopted(tiny_line, tmp_path, theirs)
    ours = ChatTokenizer.load(tmp_path / "tokenizer")
    assert report.vocab_size == ours.vocab_size == BASE_TOKENS + 2
    text = "def copy(source: Path) -> None: 你好"
    assert ours.encode(text) == ChatTokenizer.load(tmp_path / "tokenizer").encode(text)
    assert ours.encode(text) == Tokenizer.from_file(str(theirs / "tokenizer.json")).encode(text).ids
    messages = [{"role": "user", "content": "hello"}]
    ids = ours.chat_ids(messages)
    assert ids[0] == BASE_TOKENS and ours.end_of_turn_id == BASE_TOKENS + 1
    assert ours.end_of_text_id == 0
    reference = AutoTokenizer.from_pretrained(tmp_path / "tokenizer")
    rendered = reference.apply_chat_template(messages, add_generation_prompt=True)
    assert rendered["input_ids"] == ids


def test_a_tokenizer_that_can_chat_is_copied_as_it_is(tiny_line: Path, tmp_path: Path) -> None:
    theirs = checkpoint(tmp_path / "theirs", padding=100)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_line / "tokenizer" / name, theirs / name)
    adopted(tiny_line, tmp_path, theirs)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "tokenizer" / name).read_bytes() == (theirs / name).read_bytes()


@torch.no_grad()
@pytest.mark.parametrize("shape", ["gpt2", "llama", "qwen2", "qwen3"])
def test_training_starts_from_the_weights_and_ends_in_their_shape(
    tiny_line: Path, tmp_path: Path, shape: str
) -> None:
    theirs = checkpoint(tmp_path / "theirs", shape)
    adopted(tiny_line, tmp_path, theirs)
    # A learning rate so small that what comes out is what went in, but for the new tokens.
    result = trained(tmp_path, theirs, learning_rate=1e-12, weight_decay=0.0)
    assert result.report.steps == 1
    before = load_file(theirs / "model.safetensors")
    after = load_file(tmp_path / "base/model.safetensors")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        if name.endswith(("wte.weight", "embed_tokens.weight")):
            assert after[name].shape == (BASE_TOKENS + 2, 32)
            mean = tensor.mean(0).expand(2, -1)
            torch.testing.assert_close(after[name][BASE_TOKENS:], mean, atol=1e-6, rtol=0)
        kept = after[name][: len(tensor)]
        torch.testing.assert_close(kept, tensor, atol=1e-6, rtol=0)
    reference = AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    assert reference.config.model_type == shape
    assert reference.config.max_position_embeddings == 128  # not that of the rows
    row = torch.arange(50)[None]
    assert (reference(row).logits - load_pretrained(tmp_path / "base")(row)).abs().max() <= 1e-4


def test_training_goes_on_where_the_weights_were(tiny_line: Path, tmp_path: Path) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    adopted(tiny_line, tmp_path, theirs)
    first = trained(tmp_path, theirs, steps=30)
    shutil.copytree(tmp_path / "base", tmp_path / "again/theirs")
    adopted(tiny_line, tmp_path / "again", tmp_path / "again/theirs")
    second = trained(tmp_path / "again", tmp_path / "again/theirs", steps=2)
    assert first.curve[0]["loss"] > second.curve[0]["loss"]
    # The chat tokens are there by now: nothing was added again.
    assert ChatTokenizer.load(tmp_path / "again/tokenizer").vocab_size == BASE_TOKENS + 2


@torch.no_grad()
def test_room_in_the_vocabulary_is_used_before_it_grows(tiny_line: Path, tmp_path: Path) -> None:
    theirs = checkpoint(tmp_path / "theirs", "qwen3", padding=64)
    adopted(tiny_line, tmp_path, theirs)
    trained(tmp_path, theirs, learning_rate=1e-12, weight_decay=0.0)
    model = load_pretrained(tmp_path / "base")
    assert model.config.vocab_size == BASE_TOKENS + 64
    mean = load_pretrained(theirs).output_weight.mean(0)
    for row in (BASE_TOKENS, BASE_TOKENS + 1):
        torch.testing.assert_close(model.output_weight[row], mean, atol=1e-6, rtol=0)


def test_half_precision_weights_are_trained_in_full(tiny_line: Path, tmp_path: Path) -> None:
    theirs = checkpoint(tmp_path / "theirs", "llama")
    save_pretrained(load_pretrained(theirs, dtype=torch.bfloat16), theirs)
    adopted(tiny_line, tmp_path, theirs)
    trained(tmp_path, theirs)
    state = load_file(tmp_path / "base/model.safetensors")
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("hidden_size", 64, "64 cannot be chosen: the shape comes with .* back to null"),
        ("architecture", "llama", "'llama' cannot be chosen: .* back to qwen3"),
        (
            "tie_embeddings",
            False,
            "False cannot be chosen: .* back to true, or model.init to random",
        ),
    ],
)
def test_a_shape_beside_weights_is_refused(tmp_path: Path, key: str, value: Any, says: str) -> None:
    init = str(checkpoint(tmp_path / "theirs"))
    with pytest.raises(BadParameter, match=f"params.yaml, model.{key}: {says}"):
        planned_config(ModelParams(size="tiny", init=init, **{key: value}), 322, 64)


def test_dropout_may_be_chosen_and_rows_longer_than_the_positions_may_not(tmp_path: Path) -> None:
    init = str(checkpoint(tmp_path / "theirs"))
    assert planned_config(ModelParams(size="tiny", init=init, dropout=0.2), 322, 64).dropout == 0.2
    with pytest.raises(BadParameter, match="pack.context_length: 256 tokens are more than the 128"):
        planned_config(ModelParams(size="tiny", init=init), 322, 256)


def test_a_vocabulary_smaller_than_the_tokenizer_is_refused(
    tiny_line: Path, tmp_path: Path
) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    shutil.copy(tiny_line / "tokenizer/tokenizer.json", theirs)  # 400 tokens
    with pytest.raises(BadInput, match="ids up to 399, but config.json a vocabulary of 320"):
        adopted(tiny_line, tmp_path, theirs)


def test_a_tokenizer_that_is_not_the_checkpoints_is_refused(
    tiny_line: Path, tmp_path: Path
) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    shutil.copytree(tiny_line / "tokenizer", tmp_path / "tokenizer")
    shutil.copytree(tiny_line / "tokens", tmp_path / "tokens")
    with pytest.raises(BadInput, match="is not the tokenizer of"):
        trained(tmp_path, theirs)


def test_rows_of_another_tokenizer_are_refused(tiny_line: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_line / "tokens", tmp_path / "tokens")  # of 400 ids
    adopted(tiny_line, tmp_path / "other", checkpoint(tmp_path / "theirs"))
    shutil.copytree(tmp_path / "other/tokenizer", tmp_path / "tokenizer")
    with pytest.raises(BadInput, match=r"holds the token id 3\d\d, beyond .* vocabulary of 322"):
        trained(tmp_path, "random")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_a_checkpoint_without_one_of_its_files_is_refused(
    tiny_line: Path, tmp_path: Path, name: str
) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    (theirs / name).unlink()
    with pytest.raises((BadInput, MissingInput), match=name):
        adopted(tiny_line, tmp_path, theirs)


def test_int8_weights_are_not_trained(tiny_line: Path, tmp_path: Path) -> None:
    theirs = checkpoint(tmp_path / "theirs")
    save_pretrained(int8_model(load_pretrained(theirs)), theirs)
    adopted(tiny_line, tmp_path, theirs)
    with pytest.raises(BadInput, match="its weights are int8, which cannot be trained"):
        trained(tmp_path, theirs)


def test_a_folder_that_is_not_there_is_named(tiny_line: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="there is no folder"):
        adopted(tiny_line, tmp_path, tmp_path / "nowhere")


FROM_HUB = """
import sys
from chatwright.errors import ChatwrightError
from model.hub import checkpoint_folder
try:
    folder = checkpoint_folder(sys.argv[1], weights=True)
    print(sorted(file.name for file in folder.iterdir()))
except ChatwrightError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("someone/small", "['config.json', 'model.safetensors']"),
        ("someone/small@main", "['config.json', 'model.safetensors']"),
        ("someone/other", "params.yaml, model.init: someone/other is no folder here and could not"),
        ("so me/thing", "so me/thing is neither a folder here nor a model on Hugging Face's hub"),
    ],
)
def test_a_name_is_found_in_hugging_faces_cache_without_a_network(
    tmp_path: Path, name: str, says: str
) -> None:
    # The cache as huggingface_hub lays it out.
    repository = tmp_path / "hub/models--someone--small"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text("0" * 40)
    for file in ("config.json", "model.safetensors"):
        (snapshot / file).write_text("{}")
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment.pop("HF_HUB_CACHE", None)
    printed = subprocess.run(
        [sys.executable, "-c", FROM_HUB, name],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert says in printed
