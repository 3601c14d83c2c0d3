"""Checkpoints: transformers loads ours, we load transformers', and damage is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from chatwright.errors import BadInput, MissingInput
from model.config import ModelConfig
from model.generation import generate
from model.hf import load_pretrained, save_pretrained
from model.tokenizer import ChatTokenizer
from model.transformer import Transformer

ROWS = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(7))


@pytest.fixture
def folder(small_model: Transformer, tokenizer_folder: Path, tmp_path: Path) -> Path:
    save_pretrained(small_model, tmp_path / "model", tokenizer=tokenizer_folder)
    return tmp_path / "model"


@torch.no_grad()
def test_transformers_loads_what_we_save(small_model: Transformer, folder: Path) -> None:
    reference, notes = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert type(reference).__name__ == "Qwen3ForCausalLM"
    assert not any(notes.values()), notes
    assert (reference(ROWS).logits - small_model(ROWS)).abs().max() <= 1e-4


def test_transformers_goes_on_as_we_do_and_stops_where_we_do(
    small_model: Transformer, folder: Path
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    reference = AutoModelForCausalLM.from_pretrained(folder)
    messages = [{"role": "user", "content": "How do I copy a folder?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    ours = ChatTokenizer.load(folder)
    assert prompt == ours.chat_ids(messages)
    written = reference.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)
    expected = list(
        generate(
            load_pretrained(folder),
            prompt,
            max_new_tokens=20,
            stop_ids=[ours.end_of_turn_id, ours.end_of_text_id],
        )
    )
    theirs = written[0, len(prompt) :].tolist()
    assert len(expected) > 0 and theirs[: len(expected)] == expected
    assert reference.generation_config.eos_token_id == [2, 0]


@torch.no_grad()
@pytest.mark.parametrize("tie", [True, False])
def test_we_load_what_transformers_saves(tmp_path: Path, tie: bool) -> None:
    reference = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=300,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            intermediate_size=96,
            max_position_embeddings=64,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
            tie_word_embeddings=tie,
            initializer_range=0.15,
        )
    ).eval()
    # Small shards, so that an index names several files.
    reference.save_pretrained(tmp_path, max_shard_size="50KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    model = load_pretrained(tmp_path)
    assert model.config.rope_theta == 1_000_000.0 and model.config.tie_embeddings == tie
    expected = reference(ROWS).logits
    assert expected.abs().max() > 1
    assert (model(ROWS) - expected).abs().max() <= 1e-4


def test_saving_twice_gives_the_same_bytes_and_leaves_nothing_beside(
    small_model: Transformer, folder: Path, tokenizer_folder: Path
) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    save_pretrained(small_model, folder, tokenizer=tokenizer_folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert sorted(before) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_saving_into_the_tokenizers_own_folder_keeps_it(
    small_model: Transformer, folder: Path
) -> None:
    before = (folder / "tokenizer.json").read_bytes()
    save_pretrained(small_model, folder, tokenizer=folder)
    assert (folder / "tokenizer.json").read_bytes() == before


def test_weights_keep_their_type_unless_another_is_asked_for(
    small_model: Transformer, folder: Path
) -> None:
    assert load_pretrained(folder).model.norm.weight.dtype == torch.float32
    half = load_pretrained(folder, dtype=torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    save_pretrained(half, folder)
    assert AutoModelForCausalLM.from_pretrained(folder).dtype == torch.bfloat16


def test_a_loaded_model_can_be_trained_further(folder: Path) -> None:
    model = load_pretrained(folder)
    model(ROWS).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def changed_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (tree | changes).items() if v is not None}))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(MissingInput, match=name):
        load_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 4, 200, -1])
def test_weights_cut_short_are_refused(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadInput, match="model.safetensors: is not a whole safetensors file"):
        load_pretrained(folder)


@pytest.mark.parametrize("text", ["{", "[]", "\x00\xff"])
def test_a_config_that_is_no_json_object_is_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match="config.json"):
        load_pretrained(folder)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model_type": "mistral"}, "describes a model of the type mistral"),
        ({"vocab_size": None}, "has no vocab_size"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
        ({"num_key_value_heads": 3}, "cannot be shared out evenly"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4}}, "rope_type is 'yarn'"),
        ({"hidden_size": "wide"}, "config.json"),
    ],
)
def test_a_config_that_we_cannot_follow_is_refused(
    folder: Path, changes: dict[str, object], says: str
) -> None:
    changed_config(folder, **changes)
    with pytest.raises(BadInput, match=says):
        load_pretrained(folder)


def test_a_weight_of_another_shape_is_named_with_both_shapes(folder: Path) -> None:
    changed_config(folder, intermediate_size=128)
    with pytest.raises(
        BadInput, match=r"mlp.gate_proj.weight has the shape \(96, 64\), .* asks for \(128, 64\)"
    ):
        load_pretrained(folder)


def test_a_missing_weight_is_named(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["model.layers.1.self_attn.q_norm.weight"]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(BadInput, match=r"has no weight model.layers.1.self_attn.q_norm.weight"):
        load_pretrained(folder)


def test_a_weight_that_the_config_does_not_know_is_named(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state["model.layers.0.self_attn.q_proj.bias"] = torch.zeros(64)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(BadInput, match=r"a weight model.layers.0.self_attn.q_proj.bias of shape"):
        load_pretrained(folder)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_same_is_computed(small_model: Transformer, folder: Path) -> None:
    model = load_pretrained(folder, device="cuda")
    positions = torch.cat([torch.arange(15), torch.arange(25)]).expand(2, -1)
    for arguments in ((ROWS,), (ROWS, positions)):
        expected = small_model(*arguments)
        found = model(*(argument.cuda() for argument in arguments)).cpu()
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    settings = {"max_new_tokens": 20, "temperature": 0.8, "seed": 1}
    assert list(generate(model, [5, 6], **settings)) == list(generate(model, [5, 6], **settings))


def test_config_survives_the_round_trip(small_model: Transformer, folder: Path) -> None:
    assert isinstance(load_pretrained(folder).config, ModelConfig)
    assert load_pretrained(folder).config == small_model.config
