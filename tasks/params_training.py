"""What params.yaml says of the model's shape and of its training."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from tasks.params_section import NumberOrAuto, PositiveInt, Section, Share


def _rows_or_auto(value: Any) -> int | Literal["auto"] | None:
    # No union, as in NumberOrAuto.
    if value is None or value == "auto" or (type(value) is int and value >= 1):
        return value
    raise ValueError("it should be a whole number above 0, auto or null")


RowsOrAuto = Annotated[int | Literal["auto"] | None, PlainValidator(_rows_or_auto)]


class ModelParams(Section):
    """The shape of the model: ``size`` sets all of it, the other keys override it."""

    init: str = Field("random", min_length=1)
    architecture: Literal["llama", "qwen2", "qwen3", "gpt2", "rnn", "lstm"] = "qwen3"
    size: Literal["tiny", "small", "base"]
    hidden_size: PositiveInt | None = None
    num_layers: PositiveInt | None = None
    num_heads: PositiveInt | None = None
    num_key_value_heads: PositiveInt | None = None
    intermediate_size: PositiveInt | None = None
    share_layers: bool = False
    tie_embeddings: bool = True
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class TrainingParams(Section):
    """What pretraining and fine-tuning choose alike; model/training.py takes it from there."""

    tokens: PositiveInt
    optimizer: Literal["muon", "adamw"] = "muon"
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.1
    schedule: Literal["linear", "cosine", "step", "exponential", "wsd", "constant"] = "linear"
    warmup_share: Share = 0.02
    decay_share: Annotated[float, Field(gt=0, le=1)] = 0.3
    decay_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    clip_norm: Annotated[float, Field(ge=0)] | None = 1.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    accumulate: PositiveInt = 1
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"
    recompute: bool = False
    compile: bool = False
    deterministic: bool = True
    spike_factor: Annotated[float, Field(gt=1)] | None = 3.0
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 30


class PretrainParams(TrainingParams):
    """The base model's training."""

    objective: Literal["causal", "masked", "mixed"] = "causal"
    masked_share: Share = 0.5
    batch_size: RowsOrAuto = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    patience: PositiveInt | None = None
    devices: NumberOrAuto = "auto"
    num_nodes: PositiveInt = 1
    strategy: Literal["ddp", "fsdp"] = "ddp"


class FinetuneParams(TrainingParams):
    """The chat model's training."""

    batch_size: PositiveInt
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    small_talk_share: Share = 0.5
    documents_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
