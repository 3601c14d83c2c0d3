"""Documents on disk as a few columns, some thousand rows at a time; here or in another version.

Works on any fsspec file system, since an older version of the corpus is one
(``corpus_versions.py``).
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chatwright.errors import BadInput, MissingInput
from tasks.parquet_batches import bounded_tables, stored_bytes

if TYPE_CHECKING:  # takes longer to import than a stage that reads no such folder should wait
    from fsspec import AbstractFileSystem

BATCH_ROWS = 2_000
READ_AHEAD_BYTES = 1 << 20  # else a whole column of a row group is read at once


@dataclass(frozen=True)
class Folder:
    """A folder of Parquet files.

    Attributes:
        path: as the file system knows it, without a slash at its end.
        version: what an error calls the version that it is of; empty: the one at hand.
        remedy: what an error says is to be done about a file that cannot be read.
    """

    fs: "AbstractFileSystem"
    path: str
    version: str = ""
    remedy: str = "Run the stage that writes it again"

    def below(self, name: str) -> "Folder":
        """A folder in this one."""
        return replace(self, path=f"{self.path}/{name}")

    def shards(self) -> list["Folder"]:
        """Each of its files, as a folder of its own."""
        return [replace(self, path=path) for path in self.files()]

    @property
    def where(self) -> str:
        """How an error names it."""
        return self._named(self.path)

    def files(self) -> list[str]:
        """Its Parquet files, at any depth, in the order of their names; none if it is not there."""
        if not self.fs.exists(self.path):
            return []
        if self.fs.isfile(self.path):
            return [self.path]
        return sorted(each for each in self.fs.find(self.path) if each.endswith(".parquet"))

    def must_be_there(self) -> None:
        """Raise MissingInput if there is no Parquet file in it."""
        if not self.files():
            raise MissingInput(self.where, "there is no Parquet file", "Run: chatwright run")

    def rows(self) -> int:
        """How many rows its files have."""
        return sum(opened.metadata.num_rows for _, opened in self._opened())

    def text_bytes(self, columns: Sequence[str]) -> int:
        """How many bytes these columns take, unpacked; errors as ``batches``."""
        size = 0
        for path, opened in self._opened():
            self._must_have(path, opened, columns)
            size += sum(
                stored_bytes(opened, group, columns) for group in range(opened.num_row_groups)
            )
        return size

    def md5(self) -> str:
        """The MD5 of its one file: as DVC has it in its records, or of the bytes that are there."""
        known = self.fs.info(self.path).get("md5")
        if known:
            return str(known)
        with self.fs.open(self.path, "rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Its rows, in order, with these columns only.

        Raises:
            BadInput: a file is corrupt or lacks a column; it is named.
            MissingInput: a file of this version is neither in DVC's cache nor in its remote.
        """
        for path, opened in self._opened():
            yield from self._batches(path, opened, columns)

    def batches_at(
        self, places: Collection[int] | np.ndarray, columns: Sequence[str]
    ) -> Iterator[tuple[np.ndarray, pa.Table]]:
        """The rows at these places, counted through all files, with their places, in order.

        Row groups without any are not read; errors as ``batches``.
        """
        wanted = np.unique(np.array(list(places), dtype=np.int64))
        start = 0
        for path, opened in self._opened():
            for group in range(opened.num_row_groups):
                end = start + opened.metadata.row_group(group).num_rows
                if np.searchsorted(wanted, start) < np.searchsorted(wanted, end):
                    for table in self._batches(path, opened, columns, [group]):
                        low, high = np.searchsorted(wanted, [start, start + len(table)])
                        if low < high:
                            yield wanted[low:high], table.take(wanted[low:high] - start)
                        start += len(table)
                start = end

    def rows_at(self, places: Collection[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """As ``batches_at``, each row by its place."""
        return {
            place: row
            for here, table in self.batches_at(places, columns)
            for place, row in zip(here.tolist(), table.to_pylist(), strict=True)
        }

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
                    self._named(path),
                    "it is neither in DVC's cache nor in a remote",
                    "Fetch it, if a remote holds it: dvc fetch --all-commits",
                ) from None
            except (pa.ArrowException, ValueError, KeyError, OSError) as error:
                raise self._unreadable(path, error) from None

    def _batches(
        self,
        path: str,
        opened: pq.ParquetFile,
        columns: Sequence[str],
        groups: list[int] | None = None,
    ) -> Iterator[pa.Table]:
        self._must_have(path, opened, columns)
        try:
            for table in bounded_tables(opened, columns, BATCH_ROWS, groups):
                yield table.select(list(columns))
        except (pa.ArrowException, OSError) as error:  # damaged behind a sound beginning and end
            raise self._unreadable(path, error) from None

    def _must_have(self, path: str, opened: pq.ParquetFile, columns: Sequence[str]) -> None:
        if lacking := sorted({*columns} - {*opened.schema_arrow.names}):
            raise self._unreadable(path, f"it has no column {', '.join(lacking)}")

    def _unreadable(self, path: str, error: object) -> BadInput:
        reason = " ".join(str(error).split()).rstrip(".")
        return BadInput(self._named(path), f"cannot be read: {reason}", self.remedy)

    def _named(self, path: str) -> str:
        return f"{path} at {self.version}" if self.version else path


def here(path: str | Path) -> Folder:
    """A folder on this machine, as named from the current folder."""
    from fsspec.implementations.local import LocalFileSystem

    return Folder(LocalFileSystem(), str(path))
