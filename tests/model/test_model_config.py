"""One dial sets the shape; what does not fit is refused in a sentence."""

import pytest

from chatwright.errors import BadParameter
from model.config import SIZES, ModelConfig
from model.transformer import Transformer


def of_size(size: str, **overrides: int | None) -> ModelConfig:
    return ModelConfig.from_size(size, vocab_size=4096, context_length=256, **overrides)


def parameters(config: ModelConfig) -> int:
    return sum(parameter.numel() for parameter in Transformer(config).parameters())


def test_each_size_is_larger_than_the_one_before() -> None:
    counts = [parameters(of_size(size)) for size in SIZES]
    assert counts == sorted(counts) and len(set(counts)) == 3


def test_the_default_size_has_the_parameters_it_promises() -> None:
    config = of_size("small")
    width, layers, inner = config.hidden_size, config.num_layers, config.intermediate_size
    queries = config.num_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    # Embeddings (tied); a layer: q and o, k and v, gate, up and down, four norms; the last norm.
    layer = 2 * width * queries + 2 * width * keys + 3 * width * inner
    norms = layers * (2 * width + 2 * config.head_dim) + width
    assert parameters(config) == 4096 * width + layers * layer + norms
    assert 2_500_000 <= parameters(config) <= 4_500_000


def test_an_override_of_none_is_none() -> None:
    assert of_size("tiny", hidden_size=None, num_layers=None) == of_size("tiny")


def test_each_key_can_be_set_by_itself() -> None:
    config = of_size("small", num_layers=3, intermediate_size=320)
    assert (config.num_layers, config.intermediate_size) == (3, 320)
    assert config.hidden_size == of_size("small").hidden_size


def test_another_width_alone_gives_a_shape_that_works() -> None:
    for width in (64, 96, 128, 256, 384):
        assert parameters(of_size("small", hidden_size=width)) > 0


@pytest.mark.parametrize(
    ("overrides", "where", "says"),
    [
        ({"hidden_size": 100, "num_heads": 3}, "model.num_heads", "100 cannot be cut into 3"),
        (
            {"hidden_size": 256, "num_heads": 4, "num_key_value_heads": 3},
            "model.num_key_value_heads",
            "cannot be shared out evenly",
        ),
        ({"hidden_size": 12, "num_heads": 4}, "model.num_heads", "cannot be rotated in pairs"),
        ({"num_layers": -1}, "model.num_layers", "-1 is not above 0"),
        ({"num_heads": 0}, "model.num_heads", "0 is not above 0"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(
    overrides: dict[str, int], where: str, says: str
) -> None:
    with pytest.raises(BadParameter) as refused:
        of_size("small", **overrides)
    assert refused.value.where == where
    assert says in str(refused.value)


def test_an_unknown_size_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadParameter, match="tiny, small, base"):
        of_size("huge")
