"""Texts to ids, batch by batch: a large corpus by one process a core.

Processes, not threads, as most of the work is Python's.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import numpy as np

from model.tokenizer import ChatTokenizer
from tasks.executor import ordered_map, workers
from tasks.params_executor import ExecutorParams

SMALL_BYTES = 12_000_000
"""From so much on several processes pay, each of which has to start and to meet all words; on two
cores they break even at 10 (Chinese) to 16 MB (source code)."""

Ids = list[np.ndarray]


def encoded(
    batches: Iterable[list[str]],
    folder: Path,
    ids: ChatTokenizer,
    executor: ExecutorParams,
    *,
    size: int,
) -> Iterator[Ids]:
    """The ids of each batch's texts, in order.

    Args:
        folder: the tokenizer's.
        ids: the tokenizer.
        executor: how many processes; never a cluster's, whose machines lack the tokenizer.
        size: bytes of all texts together.

    Raises:
        WorkerDied: one of the processes was killed.
    """
    here = executor.model_copy(update={"address": None})
    with workers(here, text_bytes=size, small_bytes=SMALL_BYTES) as there:
        if there.count:
            yield from ordered_map(there, partial(_encode, folder), batches)
        else:
            yield from map(ids.encode_arrays, batches)


def _encode(folder: Path, texts: list[str]) -> Ids:
    return _tokenizer(folder).encode_arrays(texts)


@cache
def _tokenizer(folder: Path) -> ChatTokenizer:
    """That of a process of the pool."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core already
    return ChatTokenizer.load(folder)
