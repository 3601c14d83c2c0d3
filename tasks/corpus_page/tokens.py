"""How many tokens texts are, with the tokenizer of the last build."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from model.tokenizer import read_tokenizer

COUNTED_BYTES = 8_000_000
"""Of a larger corpus every n-th document is counted, so that a page takes seconds."""


class TokenCounter:
    """Counts the tokens of every ``step``-th text, and none of the others.

    The tokens that mark a document's end are not counted, nor is the filling of rows: the stage
    ``pack`` reports those.
    """

    def __init__(self, tokenizer: Path, total_bytes: int) -> None:
        self._tokenizer = read_tokenizer(tokenizer)
        self.step = max(1, -(-total_bytes // COUNTED_BYTES))
        self._seen = 0

    def counted(self, texts: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """Where among these texts those are that are counted, and their tokens; both int64 (N,)."""
        places = np.arange(-self._seen % self.step, len(texts), self.step)
        self._seen += len(texts)
        each = self._tokenizer.encode_batch_fast(
            texts.take(places).to_pylist(), add_special_tokens=False
        )
        return places, np.array([len(one) for one in each], dtype=np.int64)
