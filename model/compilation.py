"""torch.compile where it is asked for and can be had.

Only what a model makes of its tokens is compiled, forward and backward, and on a GPU what passes
over the scores for the loss, too: elsewhere that is a few products that are at the processor's
ceiling already. Validation, eight times in a run, is not worth compiling for. Compiled
code is kept where ``TORCHINDUCTOR_CACHE_DIR`` says, so that the next run has it at once.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from model.language_model import LanguageModel
from model.objectives import score_in_one_pass


@contextmanager
def compiled(model: LanguageModel, say: Callable[[str], None]) -> Iterator[None]:
    """The model, compiled while this lasts; as it is, with a warning, where that cannot be.

    Args:
        say: told in one line if there is no compiler.
    """
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(compiler) is None:
        say(f"compile needs the C++ compiler {compiler} and there is none: going on without")
        yield
        return
    on_gpu = torch.cuda.is_available()
    plain = model.states
    # On a GPU the number of documents is among the inputs, and is another in each batch.
    fast = torch.compile(plain, dynamic=None if on_gpu else False)

    def states(*inputs: Any, **choices: Any) -> Tensor:
        return (fast if model.training else plain)(*inputs, **choices)

    # On the instance, before the class's own; the names of the weights stay what they are.
    model.states = states  # type: ignore[method-assign]
    if on_gpu:
        model.score_piece = torch.compile(score_in_one_pass, dynamic=True)
    try:
        yield
    finally:
        del model.states  # type: ignore[method-assign]
        model.score_piece = None
