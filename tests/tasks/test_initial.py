"""Training may start from weights that exist; their tokenizer comes with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from chatwright.errors import BadInput, BadParameter, ChatwrightError, MissingInput
from model.hf import load_pretrained
from model.rows import Rows, write_rows
from model.tokenizer import ChatTokenizer
from tasks.documents import Document, write_dialogues, write_documents
from tasks.initial import check_ids, initial_config, initial_model
from tasks.params import TokenizerParams
from tasks.params_training import ModelParams
from tasks.tokenizer import adopt_tokenizer

PARAMS = TokenizerParams(vocab_size=None)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A GPT-2 as one finds them: one special token, no chat template, bfloat16."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["copy the folder, copy the file"] * 9, trainer)
    folder = tmp_path / "gpt2"
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    size = tokenizer.get_vocab_size()
    config = GPT2Config(vocab_size=size, n_embd=64, n_layer=2, n_head=4, n_positions=64)
    GPT2LMHeadModel(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def params(init: str | Path, **more: float) -> ModelParams:
    return ModelParams.model_validate({"init": str(init), "size": "tiny", **more})


def adopted(weights: Path, tmp_path: Path) -> ChatTokenizer:
    document = Document(id="a/0", source="a", title="a", text="copy the folder", lang="en")
    write_documents([document], tmp_path / "clean" / "train")
    write_documents([], tmp_path / "clean" / "validation")
    write_dialogues([], tmp_path / "dialogues")
    out = tmp_path / "tokenizer"
    adopt_tokenizer(weights, tmp_path / "clean", tmp_path / "dialogues", out, PARAMS)
    return ChatTokenizer.load(out)


def test_a_tokenizer_without_a_template_keeps_its_ids_and_can_chat_afterwards(
    weights: Path, tmp_path: Path
) -> None:
    before, after = ChatTokenizer.load(weights), adopted(weights, tmp_path)
    assert after.encode("copy the folder") == before.encode("copy the folder")
    assert after.end_of_text_id == before.end_of_text_id
    assert after.vocab_size == before.vocab_size + 3  # two borders of a turn, and the mask
    ids = after.chat_ids([{"role": "user", "content": "copy"}])
    assert after.end_of_turn_id in ids and after.end_of_turn_id >= before.vocab_size


def test_a_tokenizer_that_can_chat_is_taken_as_it_is(weights: Path, tmp_path: Path) -> None:
    adopted(weights, tmp_path)
    config = json.loads((weights / "config.json").read_text())
    grown = json.dumps(config | {"vocab_size": config["vocab_size"] + 3})
    (tmp_path / "tokenizer" / "config.json").write_text(grown)
    again = tmp_path / "again"
    adopt_tokenizer(
        tmp_path / "tokenizer", tmp_path / "clean", tmp_path / "dialogues", again, PARAMS
    )
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (again / name).read_bytes() == (tmp_path / "tokenizer" / name).read_bytes()


@torch.no_grad()
def test_the_model_is_the_checkpoint_with_a_mean_row_for_each_new_token(weights: Path) -> None:
    found = load_pretrained(weights, dtype=torch.float32)
    old = found.config.vocab_size
    config = initial_config(params(weights), vocab_size=old + 3, context_length=32)
    assert (config.architecture, config.vocab_size, config.num_layers) == ("gpt2", old + 3, 2)
    model = initial_model(params(weights), config, seed=1)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    row = torch.tensor([[1, 2, 3]])
    torch.testing.assert_close(model(row)[..., :old], found(row))
    new = model.output_weight[old:]
    torch.testing.assert_close(new, found.output_weight.mean(0).expand(3, -1))


def test_a_vocabulary_padded_beyond_the_tokenizer_stays(weights: Path) -> None:
    old = load_pretrained(weights).config.vocab_size
    config = initial_config(params(weights), vocab_size=old - 5, context_length=32)
    assert config.vocab_size == old


def test_what_cannot_be_had_is_said(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"vocab_size": 300, "context_length": 32}
    with pytest.raises(BadParameter, match="model.num_layers: the weights of .* have their own"):
        initial_config(params(weights, num_layers=4), **sizes)
    with pytest.raises(BadParameter, match="model.share_layers: .* Set it to false, or"):
        initial_config(params(weights, share_layers=True), **sizes)
    with pytest.raises(BadParameter, match="128 is more than the 64 tokens"):
        initial_config(params(weights), vocab_size=300, context_length=128)
    with pytest.raises(MissingInput, match="there is no such folder"):
        initial_config(params(tmp_path / "none"), **sizes)
    # Without it, a machine that has no network waits for minutes.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ChatwrightError, match="model.init, nobody/nothing: "):
        initial_config(params("nobody/nothing"), **sizes)
    (weights / "config.json").write_text('{"model_type": "gpt2", "quantization_config": {}}')
    with pytest.raises(BadInput, match="its weights are quantized"):
        initial_config(params(weights), **sizes)


@torch.no_grad()
def test_dropout_may_be_chosen_beside_weights(weights: Path) -> None:
    found = load_pretrained(weights, dtype=torch.float32)
    chosen = params(weights, dropout=0.5)
    config = initial_config(chosen, vocab_size=found.config.vocab_size, context_length=32)
    model = initial_model(chosen, config, seed=1)
    row = torch.tensor([[1, 2, 3]])
    assert torch.equal(model.eval()(row), found(row))
    assert not torch.equal(model.train()(row), found(row))


def test_a_base_tokenizer_that_names_no_token_at_all_can_be_taken(
    weights: Path, tmp_path: Path
) -> None:
    # As that of GPT-2 itself on the hub.
    (weights / "tokenizer_config.json").write_text('{"model_max_length": 64}')
    ids = adopted(weights, tmp_path)
    assert ids.end_of_turn_id in ids.chat_ids([{"role": "user", "content": "copy"}])


def test_a_vocabulary_smaller_than_the_tokenizer_is_refused(weights: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["one more"])
    tokenizer.save(str(weights / "tokenizer.json"))
    with pytest.raises(BadInput, match=f"ids up to {size}, but config.json a vocabulary of {size}"):
        adopted(weights, tmp_path)


def test_rows_of_another_tokenizer_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.arrow"
    write_rows(path, [{"input_ids": np.array([[1, 2, 300], [1, 2, 3]])}])
    check_ids(path, Rows(path), 301)
    with pytest.raises(BadInput, match="holds the token id 300, beyond .* vocabulary of 300"):
        check_ids(path, Rows(path), 300)
