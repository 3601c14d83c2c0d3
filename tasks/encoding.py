"""Texts to ids, batch by batch: a large corpus by one process a core.

Processes, not threads, as most of the work is Python's. They end with the one that started them,
however that ends.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np

from chatwright.errors import ChatwrightError
from model.tokenizer import ChatTokenizer
from tasks.executor import begin_worker, cores, submitted

SHARED_BYTES = 10_000_000
"""From so much text on, further processes are worth their start."""

Ids = list[np.ndarray]


def encoded(
    batches: Iterable[list[str]], folder: Path, ids: ChatTokenizer, *, size: int
) -> Iterator[Ids]:
    """The ids of each batch's texts, in order.

    Args:
        folder: the tokenizer's.
        ids: the tokenizer.
        size: bytes of all texts together.

    Raises:
        ChatwrightError: one of the processes was killed.
    """
    if size >= SHARED_BYTES and cores() > 1:
        return _by_processes(batches, folder, cores())
    return map(ids.encode_arrays, batches)


def _by_processes(batches: Iterable[list[str]], folder: Path, processes: int) -> Iterator[Ids]:
    # Few batches are under way at any time, so that memory does not grow with the corpus.
    waiting: deque[Future[Ids]] = deque()
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(processes, context, _prepare, (folder,)) as pool:
            for texts in batches:
                waiting.append(submitted(pool, _encode, texts))
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
    except BrokenExecutor:
        raise ChatwrightError(
            str(folder),
            "a process that turned texts into its ids was ended from outside, as a system does that"
            " has no memory left",
            "See to the memory, and run again",
        ) from None


_ids: ChatTokenizer
"""The tokenizer of a process of the pool."""


def _prepare(folder: Path) -> None:
    global _ids
    begin_worker()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core already
    _ids = ChatTokenizer.load(folder)


def _encode(texts: list[str]) -> Ids:
    return _ids.encode_arrays(texts)
