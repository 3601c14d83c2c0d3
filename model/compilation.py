"""torch.compile where it is asked for and can be had.

Only the model's forward is compiled, and through it its backward: the loss is a few products that
are at the processor's ceiling already. Validation, eight times in a run, is not worth compiling
for. Compiled code is kept where ``TORCHINDUCTOR_CACHE_DIR`` says, so that the next run has it at
once.
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
    plain = model.hidden
    fast = torch.compile(plain, dynamic=False)

    def hidden(*inputs: Any, **choices: Any) -> Tensor:
        return (fast if model.training else plain)(*inputs, **choices)

    # On the instance, before the class's own; the names of the weights stay what they are.
    model.hidden = hidden  # type: ignore[method-assign]
    try:
        yield
    finally:
        del model.hidden  # type: ignore[method-assign]
