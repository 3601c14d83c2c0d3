"""Bits per byte, against values worked out by hand and against a plain loop."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chatwright.errors import CorpusTooSmall
from model.config import ModelConfig
from model.hf import load_pretrained, save_pretrained
from model.quantize import int8_model
from model.tokenizer import ChatTokenizer
from model.transformer import Transformer
from tasks.evaluate.language_model import IGNORED, bits_per_byte, score, windows

CONTEXT_LENGTH = 16
TEXTS = [
    "Copy a file.",
    "",
    "复制文件。",
    "A text that is longer than the context of this model: it has to be read in several windows, "
    "of which each but the first predicts only what those before it have not.",
    "x",
]


@pytest.fixture(scope="module")
def model(tokenizer: ChatTokenizer) -> Transformer:
    config = ModelConfig.from_size(
        "tiny", vocab_size=tokenizer.vocab_size, context_length=CONTEXT_LENGTH
    )
    model = Transformer(config)
    model.init_weights(seed=3, std=0.3)  # large, so that the predictions are far from even
    return model


@given(st.lists(st.integers(1, 99), max_size=60), st.integers(2, 20))
def test_every_token_is_predicted_once_and_in_order(ids: list[int], context_length: int) -> None:
    cut = list(windows(ids, context_length, end_of_text_id=0))
    predicted = [target for window in cut for target in window.targets if target != IGNORED]
    assert predicted == [*ids, 0]


@given(st.lists(st.integers(1, 99), max_size=60), st.integers(2, 20))
def test_every_token_is_predicted_from_what_stands_before_it(
    ids: list[int], context_length: int
) -> None:
    sequence = [0, *ids, 0]
    predicted = 0
    for inputs, targets in windows(ids, context_length, end_of_text_id=0):
        assert len(inputs) == len(targets) <= context_length
        for place, target in enumerate(targets):
            if target == IGNORED:
                continue
            predicted += 1
            known = inputs[: place + 1]
            assert known == sequence[predicted - len(known) : predicted]
            assert target == sequence[predicted]
            # All that came before, or at least half a context.
            assert len(known) == predicted or len(known) > context_length // 2


def test_a_text_that_fits_is_one_window() -> None:
    assert list(windows([7, 8], 3, end_of_text_id=0)) == [([0, 7, 8], [7, 8, 0])]


def test_a_model_without_a_clue_needs_the_logarithm_of_the_vocabulary_for_each_token(
    tokenizer: ChatTokenizer,
) -> None:
    config = ModelConfig.from_size("tiny", vocab_size=512, context_length=CONTEXT_LENGTH)
    model = Transformer(config)
    model.init_weights(seed=1, std=0.0)  # all scores are zero: each of 512 tokens as likely, 9 bits
    texts = ["Copy a file.", "复制"]
    tokens = sum(len(tokenizer.encode(text)) + 1 for text in texts)  # and the end of each
    result = bits_per_byte(model, tokenizer, texts)
    assert result.tokens == tokens
    assert result.bytes == 12 + 6  # two Chinese characters are six bytes of UTF-8
    assert result.bits_per_byte == pytest.approx(9 * tokens / 18)
    assert result.perplexity == pytest.approx(512)


@pytest.mark.parametrize("batch_size", [1, 16])
def test_batches_and_padding_change_nothing(
    model: Transformer, tokenizer: ChatTokenizer, batch_size: int
) -> None:
    end = tokenizer.end_of_text_id
    bits, tokens = 0.0, 0
    with torch.no_grad():
        for text in TEXTS:
            for inputs, targets in windows(tokenizer.encode(text), CONTEXT_LENGTH, end):
                probabilities = model(torch.tensor([inputs])).softmax(-1)[0]
                for place, target in enumerate(targets):
                    if target != IGNORED:
                        bits -= math.log2(probabilities[place, target])
                        tokens += 1
    result = bits_per_byte(model, tokenizer, TEXTS, batch_size=batch_size)
    assert result.tokens == tokens == sum(len(tokenizer.encode(text)) + 1 for text in TEXTS)
    assert result.bits_per_byte == pytest.approx(
        bits / sum(len(text.encode()) for text in TEXTS), rel=1e-5
    )


def test_the_order_of_the_texts_does_not_matter(
    model: Transformer, tokenizer: ChatTokenizer
) -> None:
    there = bits_per_byte(model, tokenizer, TEXTS)
    back = bits_per_byte(model, tokenizer, TEXTS[::-1])
    assert there.bits_per_byte == pytest.approx(back.bits_per_byte, rel=1e-6)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_model_scores_the_same_after_saving_float_and_int8(
    model: Transformer,
    tokenizer: ChatTokenizer,
    tokenizer_folder: Path,
    tmp_path: Path,
    compressed: bool,
) -> None:
    saved = int8_model(model) if compressed else model
    save_pretrained(saved, tmp_path / "saved", tokenizer_folder)
    result = bits_per_byte(load_pretrained(tmp_path / "saved"), tokenizer, TEXTS)
    assert result == bits_per_byte(saved, tokenizer, TEXTS)
    # 8 bits a weight change the predictions a little, also of a model with large random ones.
    float_score = bits_per_byte(model, tokenizer, TEXTS).bits_per_byte
    assert result.bits_per_byte == pytest.approx(float_score, rel=0.05 if compressed else 1e-6)


def test_perplexity_is_two_to_the_bits_of_a_token() -> None:
    assert score(30.0, 10, ["ten bytes."]) == (3.0, 8.0, 10, 10)


def test_no_text_is_an_error_that_names_the_parameter(
    model: Transformer, tokenizer: ChatTokenizer
) -> None:
    with pytest.raises(CorpusTooSmall, match=r"preprocess\.test_share"):
        bits_per_byte(model, tokenizer, [])
