"""Texts to ids, batch by batch: a large corpus by one process a core.

Processes, not threads, as most of the work is Python's.
"""

import os
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from model.tokenizer import ChatTokenizer
from tasks.executor import ordered_map, workers
from tasks.params_executor import ExecutorParams

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
    with workers(here, text_bytes=size, begin=partial(_prepare, folder)) as there:
        if there.count:
            yield from ordered_map(there, _encode, batches)
        else:
            yield from map(ids.encode_arrays, batches)


_ids: ChatTokenizer
"""The tokenizer of a process of the pool."""


def _prepare(folder: Path) -> None:
    global _ids
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core already
    _ids = ChatTokenizer.load(folder)


def _encode(texts: list[str]) -> Ids:
    return _ids.encode_arrays(texts)
