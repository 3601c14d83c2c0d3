"""Rows of token ids on disk: an Arrow IPC file, memory-mapped, read without a copy.

Every column is a fixed-size list of int32, ``context_length`` long: ``input_ids``;
``position_ids``, which restart at 0 where a document begins and are 0 in filling; and, for chat,
``is_answer``, 1 where a token is the assistant's. Uncompressed, so that the file's bytes are the
tensors' bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from chatwright.errors import BadInput

if TYPE_CHECKING:  # who only writes rows is spared the seconds that its import takes
    from torch import Tensor

Columns = Mapping[str, np.ndarray]


def write_rows(path: Path, batches: Iterable[Columns]) -> int:
    """Write rows.

    Args:
        batches: each a mapping of column to int32 array ``(rows, context_length)``; all have the
            same columns and context length, and there is at least one.

    Returns:
        How many rows there are.
    """
    written = 0
    writer = None
    with open(path, "wb") as file:
        for columns in batches:
            arrays = {name: _fixed_size_lists(values) for name, values in columns.items()}
            batch = pa.RecordBatch.from_pydict(arrays)
            if writer is None:
                writer = pa.ipc.new_file(file, batch.schema)
            writer.write_batch(batch)
            written += batch.num_rows
        if writer is not None:
            writer.close()
    return written


def _fixed_size_lists(values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values, np.int32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


class Rows:
    """A file of rows, memory-mapped: nothing is read until it is asked for.

    Raises:
        BadInput: the file is not one of ours, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            self.columns = {
                field.name: [_tensor(batch.column(field.name)) for batch in batches]
                for field in reader.schema
            }
            self.context_length = int(reader.schema.field("input_ids").type.list_size)
        except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise BadInput(
                str(path), f"cannot be read: {reason}", "Run the stage that writes it again"
            ) from None
        self._starts = np.cumsum([0] + [len(batch) for batch in batches])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def largest_id(self) -> int:
        """The highest token id; all rows are read for it. -1 where there are none."""
        return max((int(batch.max()) for batch in self.columns["input_ids"]), default=-1)

    def take(self, numbers: Sequence[int]) -> "dict[str, Tensor]":
        """The rows of these numbers, each column int32 ``(len(numbers), context_length)``."""
        import torch

        places = [
            (batch, number - int(self._starts[batch]))
            for number in numbers
            for batch in [int(np.searchsorted(self._starts, number, "right")) - 1]
        ]
        return {
            name: torch.stack([batches[batch][row] for batch, row in places])
            for name, batches in self.columns.items()
        }


def _tensor(column: pa.FixedSizeListArray) -> "Tensor":
    import torch

    return torch.from_dlpack(column.flatten()).view(len(column), column.type.list_size)
