"""The models that all contestants train, and the choices that each may make for its best speed.

All have the same layers, width, heads, context, vocabulary and about the same parameters: the
peers the classical feed-forward block of 2 x 4C columns, ours one of 3 matrices of at least the
same size.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A model and what it reads. ``batches`` and ``heads``: all to try; the first is the issue's.

    ``text`` is whether it reads tinyshakespeare's characters, or random tokens, whose content is
    of no matter to speed.
    """

    name: str
    layers: int
    width: int
    heads: tuple[int, ...]
    vocabulary: int
    context: int
    batches: tuple[int, ...]
    text: bool
    goal: float

    @property
    def parameters(self) -> int:
        """Of the blocks and the embedding, which is the output's too; positions not counted."""
        return self.layers * 12 * self.width**2 + self.vocabulary * self.width

    @property
    def flops_per_token(self) -> int:
        """Of forward and backward: 6N + 12 x layers x width x context.

        The formula of PaLM's appendix B (Chowdhery et al. 2022, arXiv:2204.02311), which
        nanoGPT's ``estimate_mfu`` uses too: all of the attention's square counts, although a
        causal one needs half of it.
        """
        return 6 * self.parameters + 12 * self.layers * self.width * self.context

    def __str__(self) -> str:
        return (
            f"({self.name}) {self.layers} layers, width {self.width}, "
            f"vocabulary {self.vocabulary:,}, context {self.context}"
        )


SHAPES = {
    "a": Shape("a", 4, 128, (4,), 65, 64, (12, 64), text=True, goal=1.5),
    "b": Shape("b", 6, 192, (6, 3), 4096, 256, (16,), text=False, goal=2.0),
}


GPT2_124M = Shape("c", 12, 768, (12,), 50304, 1024, (32,), text=False, goal=1.0)
"""For a GPU: the smallest GPT-2, its vocabulary rounded up as nanoGPT has it."""


@dataclass(frozen=True)
class Setting:
    """One contestant's choices; the meaning of ``precision`` and ``optimizer`` is its own."""

    precision: str
    compiled: bool
    batch: int
    heads: int
    optimizer: str = "adamw"

    def __str__(self) -> str:
        how = "compiled" if self.compiled else "eager"
        return f"{self.precision} {how}, {self.optimizer}, batch {self.batch}, {self.heads} heads"
