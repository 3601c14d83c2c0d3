"""What is kept of files that were read in one way: what serves for a file, and what for none.

A file's part serves again while its name and bytes are the same. Bytes are told by the file's size,
times and inode, and where these are others by their hash. Each run adds segments of what was new in
it, so when many are small, or hold little that still serves, these are written together.
"""

from pathlib import Path

from tasks.ingest.file_state import content_of, is_settled, state_of
from tasks.ingest.segments import Segment, SegmentWriter, segment_in
from tasks.ingest.source_files import SourceFile
from tasks.placing import remove

SMALL_BYTES = 2_000_000
MOST_SMALL = 16
"""When more segments than that are smaller, or less than half in use, they become one."""

Kept = tuple[Segment, int]
"""A segment, and the place of a file in it."""


class KeptStore:
    """The segments in a folder, and which parts of them served in this run."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._segments: dict[Path, Segment] = {}
        self._served: dict[Path, set[int]] = {}
        self._by_name: dict[tuple[str, int], list[Kept]] = {}
        for path in sorted(folder.glob("*")):
            segment = segment_in(path)
            if segment is None:
                remove(path)
                continue
            self._segments[path] = segment
            for place, file in enumerate(segment.files):
                self._by_name.setdefault((file.where, file.first), []).append((segment, place))

    def serving(self, file: SourceFile) -> Kept | None:
        """What is kept of a file as it is now; None if there is nothing."""
        known = [
            (segment, place, kept)
            for segment, place in self._by_name.get((file.where, file.first), [])
            if (kept := segment.files[place]).content is not None
        ]
        if not known:
            return None
        try:
            state = state_of(file.path)
            for segment, place, kept in known:
                if kept.state == state and is_settled(state):
                    return segment, place
            content = content_of(file.path)
        except OSError:
            return None  # and whoever reads it says why
        same = (each for each in known if each[2].content == content)
        return next(((segment, place) for segment, place, _ in same), None)

    def serve(self, segment: Segment, places: set[int]) -> None:
        """Note that these parts of a segment served."""
        self._segments[segment.folder] = segment
        self._served.setdefault(segment.folder, set()).update(places)

    def clean(self, *, is_joined: bool) -> None:
        """Remove what did not serve in this run; ``is_joined``: write small segments together."""
        small = []
        for folder, segment in sorted(self._segments.items()):
            places = {
                place
                for place in self._served.get(folder, set())
                if segment.files[place].content is not None
            }
            if not places:
                remove(folder)
            elif 2 * len(places) < len(segment.files) or segment.size_bytes() < SMALL_BYTES:
                small.append((segment, places))
        if is_joined and len(small) > MOST_SMALL:
            _join(small, self.folder)


def _join(small: list[tuple[Segment, set[int]]], folder: Path) -> None:
    writer = SegmentWriter(folder)
    for segment, places in small:
        for rows in segment.rows(places):
            writer.add_rows(rows)
        writer.files += [segment.files[place] for place in sorted(places)]
    writer.finish()
    for segment, _ in small:
        remove(segment.folder)
