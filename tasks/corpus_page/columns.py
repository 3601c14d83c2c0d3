"""Documents on disk as a few columns, some thousand rows at a time; here or in another version.

Works on any fsspec file system, since an older version of the corpus is one (``versions.py``).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem

from chatwright.errors import BadInput, MissingInput

BATCH_ROWS = 2_000
READ_AHEAD_BYTES = 1 << 20  # else a whole column of a row group is read at once


@dataclass(frozen=True)
class Folder:
    """A folder of Parquet files.

    Attributes:
        path: as the file system knows it, without a slash at its end.
        version: what an error calls the version that it is of; empty: the one at hand.
    """

    fs: AbstractFileSystem
    path: str
    version: str = ""

    def below(self, name: str) -> "Folder":
        """A folder in this one."""
        return Folder(self.fs, f"{self.path}/{name}", self.version)

    @property
    def where(self) -> str:
        """How an error names it."""
        return f"{self.path} at {self.version}" if self.version else self.path

    def files(self) -> list[str]:
        """Its Parquet files, at any depth, in the order of their names; none if it is not there."""
        if not self.fs.exists(self.path):
            return []
        return sorted(each for each in self.fs.find(self.path) if each.endswith(".parquet"))

    def must_be_there(self) -> None:
        """Raise MissingInput if there is no Parquet file in it."""
        if not self.files():
            raise MissingInput(self.where, "there is no Parquet file", "Run: chatwright run")

    def rows(self) -> int:
        """How many rows its files have."""
        return sum(opened.metadata.num_rows for _, opened in self._opened())

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows, in order, with these columns only.

        Raises:
            BadInput: a file is corrupt or lacks a column; it is named.
            MissingInput: a file of this version is neither in DVC's cache nor in its remote.
        """
        for path, opened in self._opened():
            yield from self._batches(path, opened, columns)

    def rows_at(self, places: Collection[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """The rows at these places, counted through all files; row groups without are not read."""
        wanted = np.array(sorted(places), dtype=np.int64)
        found: dict[int, dict[str, Any]] = {}
        start = 0
        for path, opened in self._opened():
            for group in range(opened.num_row_groups):
                end = start + opened.metadata.row_group(group).num_rows
                if np.searchsorted(wanted, start) < np.searchsorted(wanted, end):
                    for table in self._batches(path, opened, columns, [group]):
                        low, high = np.searchsorted(wanted, [start, start + len(table)])
                        here = wanted[low:high]
                        rows = table.take(here - start).to_pylist() if len(here) else []
                        found.update(zip(here.tolist(), rows, strict=True))
                        start += len(table)
                start = end
        return found

    def places_of(self, ids: Collection[str]) -> list[int]:
        """The places of the documents with these ids."""
        wanted, places, start = pa.array(sorted(ids), pa.string()), [], 0
        for table in self.batches(["id"]):
            here = pc.indices_nonzero(pc.is_in(table["id"], wanted))
            places += [start + place for place in here.to_pylist()]
            start += len(table)
        return places

    def _opened(self) -> Iterator[tuple[str, pq.ParquetFile]]:
        for path in self.files():
            try:
                with self.fs.open(path, "rb") as file:
                    yield path, pq.ParquetFile(file, buffer_size=READ_AHEAD_BYTES)
            except FileNotFoundError:
                raise MissingInput(
                    f"{path} at {self.version}" if self.version else path,
                    "it is neither in DVC's cache nor in a remote",
                    "Fetch it, if a remote holds it: dvc fetch --all-commits",
                ) from None
            except (pa.ArrowException, ValueError, KeyError, OSError) as error:
                raise _unreadable(path, error) from None

    @staticmethod
    def _batches(
        path: str, opened: pq.ParquetFile, columns: Sequence[str], groups: list[int] | None = None
    ) -> Iterator[pa.Table]:
        lacking = sorted({*columns} - {*opened.schema_arrow.names})
        if lacking:
            raise _unreadable(path, f"it has no column {', '.join(lacking)}")
        try:
            for batch in opened.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(columns)):
                yield pa.Table.from_batches([batch]).select(list(columns))
        except (pa.ArrowException, OSError) as error:  # damaged behind a sound beginning and end
            raise _unreadable(path, error) from None


def _unreadable(path: str, error: object) -> BadInput:
    reason = " ".join(str(error).split()).rstrip(".")
    return BadInput(path, f"cannot be read: {reason}", "Run the stage that writes it again")
