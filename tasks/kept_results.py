"""Results of parts of a stage's work, kept from run to run, each under its fingerprint.

One file a result, in a folder a layer; the fingerprint says of what it was made, so nothing that
is found is ever out of date. A file ends in a hash of what is before: one that is damaged, or was
half written, is as good as none. The results of the last three runs that used any stay.
"""

import hashlib
import os
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path

import pyarrow as pa

from chatwright.errors import BadInput

RUNS_KEPT = 3
_HASH_BYTES = 16


class KeptResults:
    """The results below a folder, which is made if it is not there.

    A run marks what it uses by the time at which it began, so that all of it is of one time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._began = time.time_ns()

    def find(self, layer: str, fingerprint: str) -> bytes | None:
        """A result, None where there is none that is whole; this run uses it."""
        result = self.look_at(layer, fingerprint)
        if result is not None:
            os.utime(self._path(layer, fingerprint), ns=(self._began, self._began))
        return result

    def has(self, layer: str, fingerprint: str) -> bool:
        """Whether there is such a result, be it whole or not."""
        return self._path(layer, fingerprint).exists()

    def use(self, layer: str, fingerprint: str) -> None:
        """Let a result stay that this run has no need to read, if it is there."""
        with suppress(FileNotFoundError):
            os.utime(self._path(layer, fingerprint), ns=(self._began, self._began))

    def look_at(self, layer: str, fingerprint: str) -> bytes | None:
        """As ``find``, but that does not make it stay longer."""
        try:
            content = self._path(layer, fingerprint).read_bytes()
        except FileNotFoundError:
            return None
        result, digest = content[:-_HASH_BYTES], content[-_HASH_BYTES:]
        return result if _hash(result) == digest else None

    def __getitem__(self, key: tuple[str, str]) -> pa.Buffer:
        """A result, by layer and fingerprint, that this run has found or kept already.

        It is read from the disk where it is looked at, and not checked once more.

        Raises:
            BadInput: it has been taken away since.
        """
        path = self._path(*key)
        try:
            with pa.memory_map(str(path)) as file:
                return file.read_buffer(file.size() - _HASH_BYTES)
        except OSError:
            raise BadInput(str(path), "was removed during the run", "Run again") from None

    def unused(self, layer: str) -> list[str]:
        """The fingerprints of results that earlier runs kept and this one has not used so far."""
        paths = (self._folder / layer).glob("*.arrow")
        return sorted(path.stem for path in paths if path.stat().st_mtime_ns != self._began)

    def keep(self, layer: str, fingerprint: str, result: bytes) -> None:
        """Write a result, to a name beside its own that it is then given."""
        path = self._path(layer, fingerprint)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            file.write(result)
            file.write(_hash(result))
        os.utime(partial, ns=(self._began, self._began))
        partial.replace(path)

    def forget_old_ones(self) -> None:
        """Remove what the last runs did not use, and what a killed one left half written."""
        ours = chain(self._folder.glob("*/*.arrow"), self._folder.glob("*/*.partial"))
        used = {path: path.stat().st_mtime_ns for path in ours}
        oldest = min(sorted({*used.values()}, reverse=True)[:RUNS_KEPT], default=0)
        for path, at in used.items():
            if at != self._began and (at < oldest or path.suffix == ".partial"):
                path.unlink()

    def _path(self, layer: str, fingerprint: str) -> Path:
        return self._folder / layer / f"{fingerprint}.arrow"


def _hash(result: bytes) -> bytes:
    return hashlib.sha256(result).digest()[:_HASH_BYTES]  # of those at hand the fastest
