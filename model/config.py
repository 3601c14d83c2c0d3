"""The shape of the model, derived from one dial.

``size`` names a preset that sets width, depth, heads, batch size and learning rate together; each
can be overridden by itself. Notable choices: the head size is ``hidden_size / num_heads`` (64
where nothing says otherwise) and the feed-forward width 8/3 of the width, rounded up to 64, which
gives SwiGLU's three matrices the size of the classical two (Shazeer 2020, arXiv:2002.05202);
GPT-2 has those two, four times as wide as the model.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from chatwright.errors import BadParameter

Architecture = Literal["llama", "qwen2", "qwen3", "gpt2", "rnn", "lstm"]
DECODERS = ("llama", "qwen2", "qwen3")
RECURRENT = ("rnn", "lstm")
NO_COUNT = ("architecture", "tie_embeddings", "share_layers", "rope_scaling", "dropout")


@dataclass(frozen=True)
class Size:
    """What one setting of the dial stands for; rows and learning rate are for pretraining."""

    hidden_size: int
    num_layers: int
    num_heads: int
    num_key_value_heads: int
    batch_size: int
    learning_rate: float


# Parameters at a vocabulary of 4,096: tiny 1.1 M, small 3.3 M, base 25 M. Tiny and small are
# measured (docs/training.md); base follows from them and wants more text than the default corpus.
SIZES: Mapping[str, Size] = {
    "tiny": Size(128, 3, 2, 1, batch_size=8, learning_rate=7e-3),
    "small": Size(256, 3, 4, 2, batch_size=8, learning_rate=5e-3),
    "base": Size(512, 8, 8, 4, batch_size=32, learning_rate=3e-3),
}


@dataclass(frozen=True)
class RopeScaling:
    """How Llama 3.1 stretches rotary positions beyond ``original_context_length``.

    Waves that turn fewer than ``low_freq_factor`` times within it become ``factor`` times as long,
    those that turn more than ``high_freq_factor`` times stay, and those between pass over from one
    to the other (Grattafiori et al. 2024, arXiv:2407.21783; the formula is in Meta's code).
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context_length: int


@dataclass(frozen=True)
class ModelConfig:
    """All that ``model.architectures.build`` needs; the names say what Hugging Face's say.

    ``context_length`` is the number of positions that the model was trained for, and the most
    that it generates to. ``norm_eps`` keeps normalisation from dividing by zero. ``dropout`` acts
    on the output of each attention and feed-forward block while training. ``share_layers`` uses
    one block's weights at every depth (ALBERT, Lan et al. 2019, arXiv:1909.11942).

    Raises:
        BadParameter: the numbers do not fit each other.
    """

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    context_length: int
    rope_theta: float = 10_000.0
    norm_eps: float = 1e-6
    tie_embeddings: bool = True
    dropout: float = 0.0
    architecture: Architecture = "qwen3"
    share_layers: bool = False
    rope_scaling: RopeScaling | None = None

    def __post_init__(self) -> None:
        if self.architecture not in get_args(Architecture):
            raise BadParameter(
                "model.architecture",
                f"there is no architecture {self.architecture!r}",
                f"Architectures: {', '.join(get_args(Architecture))}",
            )
        for name, value in asdict(self).items():
            if name not in NO_COUNT and value <= 0:
                raise BadParameter(f"model.{name}", f"{value} is not above 0")
        if not 0 <= self.dropout < 1:
            raise BadParameter("model.dropout", f"{self.dropout} is not in 0 to 1 (1 left out)")
        if self.architecture in RECURRENT:
            if self.share_layers:
                raise BadParameter(
                    "model.share_layers", f"the layers of {self.architecture} cannot be shared"
                )
            return
        if self.num_heads % self.num_key_value_heads:
            raise BadParameter(
                "model.num_key_value_heads",
                f"{self.num_heads} heads cannot be shared out evenly among "
                f"{self.num_key_value_heads} key-value heads",
                f"Take one of {_divisors(self.num_heads)}",
            )
        if self.architecture == "gpt2":
            if self.num_key_value_heads != self.num_heads:
                raise BadParameter(
                    "model.num_key_value_heads",
                    "each head of gpt2 has keys and values of its own",
                    f"Take null or {self.num_heads}, or another architecture",
                )
            if self.num_heads * self.head_dim != self.hidden_size:
                raise BadParameter(
                    "model.num_heads",
                    f"{self.num_heads} heads of {self.head_dim} numbers are not gpt2's width "
                    f"of {self.hidden_size}",
                )
        elif self.head_dim % 2:
            raise BadParameter(
                "model.num_heads",
                f"a head of {self.head_dim} numbers cannot be rotated in pairs",
                "Choose hidden_size and num_heads so that their quotient is even",
            )

    @classmethod
    def from_size(
        cls, size: str, *, vocab_size: int, context_length: int, **overrides: Any
    ) -> "ModelConfig":
        """The config of a preset, with overrides; an override of ``None`` is none.

        Example:
            >>> ModelConfig.from_size("tiny", vocab_size=512, context_length=64).head_dim
            64

        Raises:
            BadParameter: an unknown size, or overrides that do not fit each other.
        """
        if size not in SIZES:
            raise BadParameter(
                "model.size", f"there is no size {size!r}", f"Sizes: {', '.join(SIZES)}"
            )
        preset = SIZES[size]
        given = {name: value for name, value in overrides.items() if value is not None}
        hidden_size = given.setdefault("hidden_size", preset.hidden_size)
        given.setdefault("num_layers", preset.num_layers)
        if "num_heads" not in given:
            # Another width keeps the preset's head size, as long as that divides it.
            head_dim = preset.hidden_size // preset.num_heads
            given["num_heads"] = (
                hidden_size // head_dim if hidden_size % head_dim == 0 else preset.num_heads
            )
        num_heads = given["num_heads"]
        for name in ("hidden_size", "num_heads"):
            if given[name] <= 0:
                raise BadParameter(f"model.{name}", f"{given[name]} is not above 0")
        if hidden_size % num_heads:
            raise BadParameter(
                "model.num_heads",
                f"a width of {hidden_size} cannot be cut into {num_heads} equal heads",
                f"Take one of {_divisors(hidden_size)}, or another hidden_size",
            )
        gpt2 = given.get("architecture") == "gpt2"
        if gpt2:
            given.setdefault("num_key_value_heads", num_heads)
            given.setdefault("norm_eps", 1e-5)
        if "num_key_value_heads" not in given:
            # About as many heads to each as the preset has, in even shares.
            fewest = num_heads * preset.num_key_value_heads // preset.num_heads or 1
            given["num_key_value_heads"] = max(
                n for n in range(1, fewest + 1) if num_heads % n == 0
            )
        given.setdefault("head_dim", hidden_size // num_heads)
        gated = -(-hidden_size * 8 // 3 // 64) * 64
        given.setdefault("intermediate_size", 4 * hidden_size if gpt2 else gated)
        return cls(vocab_size=vocab_size, context_length=context_length, **given)


def _divisors(number: int) -> str:
    return ", ".join(str(n) for n in range(1, min(number, 64) + 1) if number % n == 0)
