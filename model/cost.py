"""What a model costs to train, by arithmetic alone: parameters, operations, memory.

Nothing is built and nothing is measured, so that a shape too large for this machine can be asked
about as well. docs/scaling.md compares the memory with what training was seen to take.

Notable choices:

- Operations are counted as in appendix F of Chinchilla (Hoffmann et al. 2022, arXiv:2203.15556)
  and appendix B of PaLM (Chowdhery et al. 2022, arXiv:2204.02311): a parameter in a matrix product
  takes 2 in the forward pass and 4 in the backward pass for each token. Looking an embedding up is
  no product; scoring the vocabulary is one, tied or not.
- Half of PaLM's attention term, because a causal model needs no score of what comes later.
- Memory is the most of two moments of a step: the end of the forward pass, and the update.
"""

from dataclasses import dataclass

import torch

from model.attention import folds
from model.config import ModelConfig
from model.objectives import piece_tokens
from model.optim import NUMBERS_AT_ONCE, Algorithm

FLOAT32 = 4


@dataclass(frozen=True)
class Parameters:
    """How many numbers a model has.

    Attributes:
        total: all of them, each once however often it is used.
        embeddings: of these, the tables of tokens and positions, and an untied output's.
        matrices: of these, what Muon trains; the rest are embeddings, biases and norms.
        multiplied: numbers that a token is multiplied with; a shared layer's as often as it acts.
        largest_stack: numbers in all matrices of the commonest shape, which Muon takes together.
    """

    total: int
    embeddings: int
    matrices: int
    multiplied: int
    largest_stack: int

    @property
    def without_embeddings(self) -> int:
        """What is counted as a model's size where sizes are compared."""
        return self.total - self.embeddings


def parameters(config: ModelConfig) -> Parameters:
    """Count the parameters of the model that a config describes.

    Example:
        >>> config = ModelConfig.from_size("tiny", vocab_size=512, context_length=64)
        >>> parameters(config).total
        652416
    """
    shapes, vectors = _layer(config)
    shared = config.share_layers
    layer = sum(rows * columns for rows, columns in shapes)
    stored = 1 if shared else config.num_layers
    scores = config.vocab_size * config.hidden_size
    positions = config.context_length * config.hidden_size if config.architecture == "gpt2" else 0
    final_norm = config.hidden_size * (2 if config.architecture == "gpt2" else 1)
    embeddings = scores * (1 if config.tie_embeddings else 2) + positions
    stacks: dict[tuple[int, int], int] = {}
    for rows, columns in shapes:
        stacks[rows, columns] = stacks.get((rows, columns), 0) + rows * columns * stored
    return Parameters(
        total=embeddings + stored * (layer + vectors) + final_norm,
        embeddings=embeddings,
        matrices=stored * layer,
        multiplied=config.num_layers * layer + scores,
        largest_stack=max(stacks.values()),
    )


def _layer(config: ModelConfig) -> tuple[list[tuple[int, int]], int]:
    """The matrices of one layer (rows, columns), and how many numbers it has beside them."""
    width, inner = config.hidden_size, config.intermediate_size
    queries = config.num_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    match config.architecture:
        case "rnn" | "lstm":
            gates = 4 if config.architecture == "lstm" else 1
            return [(gates * width, width)] * 2, 2 * gates * width
        case "gpt2":
            matrices = [(3 * width, width), (width, width), (inner, width), (width, inner)]
            # A bias for each row, and two norms of a weight and a bias.
            return matrices, sum(rows for rows, _ in matrices) + 4 * width
    matrices = [
        (queries, width),
        *[(keys, width)] * 2,
        (width, queries),
        *[(inner, width)] * 2,
        (width, inner),
    ]
    extra = {"qwen2": queries + 2 * keys, "qwen3": 2 * config.head_dim}
    return matrices, 2 * width + extra.get(config.architecture, 0)


def training_operations_per_token(config: ModelConfig) -> int:
    """Floating-point operations of a token, forward and backward: 6 M + 12 L H D T / 2.

    M: parameters in matrix products; L layers of H heads of D numbers, T tokens of context.
    A recurrent model has no attention, hence no second term.
    """
    products = 6 * parameters(config).multiplied
    if config.architecture in ("rnn", "lstm"):
        return products
    heads = config.num_heads * config.head_dim
    return products + 12 * config.num_layers * heads * config.context_length // 2


@dataclass(frozen=True)
class Memory:
    """Bytes that training takes, beyond what Python and torch take themselves.

    ``together`` is what is put together, while it is used, of a model that is shared out.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    update: int
    together: int = 0

    @property
    def total(self) -> int:
        """At the fuller of the two moments: before the backward pass, or in the update."""
        kept = self.weights + self.gradients + self.optimizer
        return kept + max(self.activations + self.together, self.update)


def checkpoint_bytes(config: ModelConfig, optimizer: Algorithm) -> int:
    """The size of a checkpoint: weights and the optimizers' states, all in 32 bits."""
    counted = parameters(config)
    return FLOAT32 * (counted.total + _states(counted, optimizer))


def _states(counted: Parameters, optimizer: Algorithm) -> int:
    """Numbers that the optimizers keep: Muon one for each of a matrix's, AdamW two for each."""
    in_muon = counted.matrices if optimizer == "muon" else 0
    return in_muon + 2 * (counted.total - in_muon)


def training_memory(
    config: ModelConfig,
    batch_size: int,
    *,
    optimizer: Algorithm,
    half_precision: bool,
    recompute_layers: bool = False,
    sharing: int = 1,
) -> Memory:
    """Estimate the memory of training, of one process.

    Args:
        batch_size: rows that go through the model at once, in that process.
        half_precision: products in 16 bits; weights, gradients and states stay in 32.
        recompute_layers: only a layer's input is kept, the rest of it made anew when needed.
        sharing: how many processes share the model out (model/sharding.py).
    """
    counted = parameters(config)
    width = 2 if half_precision else FLOAT32
    tokens = batch_size * config.context_length
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if half_precision else torch.float32
    # torch's fused kernel keeps no table of scores.
    scores_kept = folds(device, config.context_length, dtype)
    layer = _activations_per_token(config, scores_kept)
    kept = (
        config.num_layers * config.hidden_size + layer
        if recompute_layers
        else config.num_layers * layer
    )
    # The states that are scored, and the gradient with respect to them.
    scored = 4 * config.hidden_size
    # The gradient of the scores' matrix exists beside the parameter's; a piece's scores too.
    piece = piece_tokens(config.vocab_size, device, tokens)
    loss = FLOAT32 * config.vocab_size * (config.hidden_size + 2 * piece)
    casts = width * counted.matrices if half_precision else 0
    # Muon's stacks: gradients, momenta, updates in 32 bits, the rounds' three in ``width``.
    stack = min(counted.largest_stack, NUMBERS_AT_ONCE) if sharing > 1 else counted.largest_stack
    update = (3 * FLOAT32 + 3 * width) * stack if optimizer == "muon" else 0
    together = 0
    if sharing > 1:
        # Weights and gradients of what is no layer, and of two layers: one at work, one on its way.
        layers = 1 if config.share_layers else config.num_layers
        in_two = counted.without_embeddings * min(2, layers) // layers
        together = 2 * (FLOAT32 * counted.embeddings + width * in_two)
        casts = 0
    return Memory(
        weights=FLOAT32 * counted.total // sharing,
        gradients=FLOAT32 * counted.total // sharing,
        optimizer=FLOAT32 * _states(counted, optimizer) // sharing,
        activations=width * tokens * (kept + scored) + casts + loss,
        update=update,
        together=together,
    )


def _activations_per_token(config: ModelConfig, scores_kept: bool) -> int:
    """Numbers that a layer keeps of a token for its backward pass, each counted where it is made.

    Six of the width (the input of each norm, what it makes of it before and after its weight),
    four of queries and of keys and values (before and after norm and rotation), four of the inner
    width (gate, its SiLU, the other branch, their product) and, where they are kept, a score for
    each head and position.
    """
    width = config.hidden_size
    match config.architecture:
        case "rnn":
            return 2 * width
        case "lstm":
            return 6 * width  # four gates, the cell and the output
    queries = config.num_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    scores = config.num_heads * config.context_length if scores_kept else 0
    if config.architecture == "gpt2":
        # Queries, keys and values as they are, and one branch before and after its GELU.
        return 4 * width + 4 * queries + 2 * config.intermediate_size + scores
    return 6 * width + 4 * (queries + keys) + 4 * config.intermediate_size + scores
