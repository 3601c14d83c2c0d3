"""What came out for one rival."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """A rival's size, cost, scores and learning curve.

    ``parameters`` are what is learnt; of the n-gram model, the n-grams that are counted, and what a
    network alone has is None there. ``pseudo_bits_per_byte`` is of masked tokens (measures.py).
    ``curve``: points of ``name``, ``step`` and ``loss``, in nats a token.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    architecture: str
    objective: str
    hidden_size: int | None = None
    num_layers: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int
    parameters: int
    tokens: int
    seconds: float
    tokens_per_second: float
    bits_per_byte: float | None = None
    masked_accuracy: float | None = None
    pseudo_bits_per_byte: float | None = None
    curve: list[dict[str, Any]] = []

    def figures(self) -> dict[str, Any]:
        """What was measured, for the run's metrics."""
        names = {
            "parameters",
            "tokens",
            "seconds",
            "tokens_per_second",
            "bits_per_byte",
            "masked_accuracy",
            "pseudo_bits_per_byte",
        }
        return self.model_dump(include=names, exclude_none=True)
