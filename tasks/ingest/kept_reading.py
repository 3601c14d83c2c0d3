"""A ``Reading`` that keeps what files gave, so that a later run reads only what is new.

What is kept stands in segments (segments.py), in a folder for all that decides how the files are
read: the program, its libraries, the parameters. An error that ends the stage is not kept: it comes
again. What a finished run did not use is removed.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from chatwright.errors import ServiceUnavailable
from tasks.executor import ordered_map, workers
from tasks.ingest.file_state import State, content_of, is_settled, state_of
from tasks.ingest.kept_store import KeptStore
from tasks.ingest.left_out import LeftOut
from tasks.ingest.segments import KeptFile, Segment, SegmentWriter, segment_in
from tasks.ingest.source_files import Content, Read, SourceFile
from tasks.params_executor import ExecutorParams
from tasks.placing import remove
from tasks.progress import Progress, silent

PORTION_BYTES = 8_000_000
PORTION_FILES = 1_000
"""A segment gets so much of files, or so many; a larger one has it to itself."""


@dataclass
class _Unit:
    """Files of one segment, by their positions among all; it is read when there is none yet."""

    positions: list[int]
    segment: Segment | None = None
    places: list[int] = field(default_factory=list)

    def of(self, files: Sequence[SourceFile]) -> list[SourceFile]:
        """Its files, out of all."""
        return [files[position] for position in self.positions]


class KeptReading:
    """What is kept for one source; ``anew`` and ``kept`` count the files of this run.

    Args:
        folder: what is kept stands below it.
        version: of the program that reads, and of all that it uses.
        executor: where files are read.
    """

    def __init__(self, folder: Path, version: str, executor: ExecutorParams) -> None:
        self._folder, self._version, self._executor = folder, version, executor
        self._stores: dict[Path, tuple[KeptStore, bool]] = {}
        self.anew = self.kept = 0

    def __call__(
        self,
        files: Iterable[SourceFile],
        read: Read,
        left_out: LeftOut,
        *,
        decides: Mapping[str, Any],
        in_order: bool = False,
        progress: Progress = silent,
    ) -> Iterator[Content]:
        """As ``Reading``."""
        told = json.dumps([self._version, decides], sort_keys=True).encode()
        folder = self._folder.absolute() / hashlib.blake2b(told, digest_size=8).hexdigest()
        if folder not in self._stores:
            self._stores[folder] = KeptStore(folder), not in_order
        store, _ = self._stores[folder]
        if isinstance(files, Sequence):
            yield from self._contents(files, read, left_out, store, in_order, progress)
            return
        for file in files:
            yield from self._contents([file], read, left_out, store, in_order, silent)

    def clean(self) -> None:
        """Remove what was not used."""
        for store, is_joined in self._stores.values():
            store.clean(is_joined=is_joined)
        for folder in self._folder.absolute().glob("*"):
            if folder not in self._stores:
                remove(folder)

    def _contents(
        self,
        files: Sequence[SourceFile],
        read: Read,
        left_out: LeftOut,
        store: KeptStore,
        in_order: bool,
        progress: Progress,
    ) -> Iterator[Content]:
        units = _units(files, store, in_order)
        new = [unit.of(files) for unit in units if unit.segment is None]
        if self._executor.address is not None:  # its workers run in folders of their own
            new = [[_as_it_is_here(file) for file in some] for some in new]
        # One portion is worked on by one, whoever it is: here; and nothing by nobody.
        executor = self._executor if len(new) > 1 else ExecutorParams(workers=1)
        new_bytes = sum(_size(each.path) for some in new for each in some) if len(new) > 1 else 0
        left_outs: dict[int, LeftOut] = {}
        done = merged = 0
        with workers(executor, text_bytes=new_bytes) as at_work:
            into = partial(segment_of, read=read, store=store.folder)
            results = ordered_map(at_work, into, new)
            for unit in units:
                progress(done, len(files), "files")
                if unit.segment is not None and unit.segment.is_sound():
                    segment, places = unit.segment, unit.places
                    self.kept += len(places)
                else:
                    damaged = unit.segment is not None
                    made = into(unit.of(files)) if damaged else next(results)
                    if isinstance(made, NotSeen):
                        if _trouble(made.path) is None:
                            raise made.refusal()
                        made = _segment(unit.of(files), read, store.folder)  # it has just gone
                    segment, places = _written(made), list(range(len(unit.positions)))
                    self.anew += len(places)
                store.serve(segment, set(places))
                yield from segment.found(set(places)) if in_order else segment.parts(set(places))
                for position, place in zip(unit.positions, places, strict=True):
                    left_outs[position] = segment.files[place].left_out()
                while merged in left_outs:
                    left_out.merge(left_outs.pop(merged))
                    merged += 1
                done += len(places)


def _units(files: Sequence[SourceFile], store: KeptStore, in_order: bool) -> list[_Unit]:
    """The files by the segments that hold them; those to be read come first, if they may."""
    kept: dict[Path, _Unit] = {}
    new: list[_Unit] = []
    portion_bytes = 0
    for position, file in enumerate(files):
        if found := store.serving(file):
            segment, place = found
            unit = kept.setdefault(segment.folder, _Unit([], segment))
            unit.positions.append(position)
            unit.places.append(place)
            continue
        size = _size(file.path)
        is_full = new and (
            portion_bytes + size > PORTION_BYTES or len(new[-1].positions) == PORTION_FILES
        )
        if not new or is_full or in_order:
            new.append(_Unit([]))
            portion_bytes = 0
        new[-1].positions.append(position)
        portion_bytes += size
    units = [*new, *kept.values()]
    return sorted(units, key=lambda unit: unit.positions[0]) if in_order else units


@dataclass(frozen=True)
class NotSeen:
    """A file that was there for the stage, and cannot be opened by a worker; ``trouble``: why."""

    path: Path
    trouble: str

    def refusal(self) -> ServiceUnavailable:
        """What it means where the file is still there for the stage."""
        return ServiceUnavailable(
            "executor.address",
            f"a worker cannot open {self.path}, which is there for the stage ({self.trouble})",
            "Share its folder with all workers under the same path, or set executor.address to"
            " null",
        )


def _as_it_is_here(file: SourceFile) -> SourceFile:
    return replace(file, path=file.path.absolute(), is_there=_trouble(file.path) is None)


def segment_of(files: Sequence[SourceFile], read: Read, store: Path) -> Path | NotSeen:
    """Read files, and write what they give as a segment into ``store``.

    Returns:
        Its folder; or which file is not there for who reads, though it was for the stage.

    Raises:
        ServiceUnavailable: this is a worker of a cluster that does not see ``store``.
        ChatwrightError: the first that ``read`` raises.
    """
    for file in files:
        if file.is_there and (trouble := _trouble(file.path)):
            return NotSeen(file.path, trouble)
    return _segment(files, read, store)


def _segment(files: Sequence[SourceFile], read: Read, store: Path) -> Path:
    try:
        writer = SegmentWriter(store)
    except FileNotFoundError:
        raise _not_shared(store) from None
    try:
        for file in files:
            before = _state(file.path)
            settled = before is not None and is_settled(before)
            content = _content(file.path)
            left_out = LeftOut()
            rows = Counter[str]()
            for found in read(file, left_out):
                writer.add(found)
                rows[type(found).__name__] += 1
            is_same = _state(file.path) == before and (settled or _content(file.path) == content)
            kept = KeptFile(
                where=file.where,
                first=file.first,
                state=before if settled else None,
                content=content if is_same else None,
                rows=dict(rows),
                counts=dict(left_out.counts),
                by_reason=left_out.by_reason,
            )
            writer.files.append(kept)
        return writer.finish()
    except BaseException:
        writer.discard()
        raise


def _written(folder: Path) -> Segment:
    segment = segment_in(folder)
    if segment is None:
        raise _not_shared(folder.parent)
    return segment


def _not_shared(folder: Path) -> ServiceUnavailable:
    return ServiceUnavailable(
        "executor.address",
        f"a worker does not have the folder {folder}",
        "Let all workers see the project's folder, under the same path",
    )


def _trouble(path: Path) -> str | None:
    """Why a file cannot be opened here; None if it can."""
    try:
        with open(path, "rb"):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _size(path: Path) -> int:
    state = _state(path)
    return state[0] if state else 0


def _state(path: Path) -> State | None:
    """The state of a file; None where it cannot be looked at, and whoever reads it says why."""
    try:
        return state_of(path)
    except OSError:
        return None


def _content(path: Path) -> str | None:
    try:
        return content_of(path)
    except OSError:
        return None
