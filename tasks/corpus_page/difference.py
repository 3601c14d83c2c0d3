"""What differs between two versions of the corpus: documents added, removed and changed.

Documents are the same by their id. Splits are decided by a text's words, so that the same text in
another split is a fault (or other shares in params.yaml); a text that was changed may land in
another one.
"""

import random
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel

from tasks.corpus_folder import Folder
from tasks.corpus_page.fingerprints import Fingerprints, fingerprints, hashes
from tasks.corpus_page.page import SPLITS, kinds
from tasks.corpus_page.samples import Line, changed_lines
from tasks.corpus_versions import Version

SAMPLES = 5
GONE = "not in the sources any more"


class Change(BaseModel):
    """What became of some documents. A changed one counts where it is afterwards."""

    documents_before: int
    documents_after: int
    bytes_before: int
    bytes_after: int
    added: int
    removed: int
    changed: int


class Sample(BaseModel):
    """A document by its name."""

    id: str
    title: str
    split: str


class ChangedSample(Sample):
    """A changed document, with the first lines that differ; ``more`` are not shown."""

    split_before: str
    lines: list[Line]
    more: int


class Difference(BaseModel):
    """From version ``a`` to version ``b``.

    ``moved``: texts that are in both, in different splits; 0 unless the shares were changed.
    ``changed_split``: of the changed documents, those that are in another split now.
    ``removed_because``: why b dropped what a had, by reason; None where b's data/rejected is not
    at hand.
    """

    a: str
    b: str
    total: Change
    sources: dict[str, Change]
    splits: dict[str, Change]
    languages: dict[str, Change]
    moved: int
    changed_split: int
    removed_because: dict[str, int] | None
    added_samples: list[Sample]
    removed_samples: list[Sample]
    changed_samples: list[ChangedSample]
    moved_samples: list[Sample]


def difference(a: Version, b: Version, *, seed: int = 0) -> Difference:
    """Compare two versions; errors as ``Folder.batches``."""
    old, new = fingerprints(a.clean), fingerprints(b.clean)
    _, in_old, in_new = np.intersect1d(old.ids, new.ids, return_indices=True)
    differs = old.texts[in_old] != new.texts[in_new]
    changed_old, changed_new = in_old[differs], in_new[differs]
    removed = np.setdiff1d(np.arange(len(old.ids)), in_old, assume_unique=True)
    added = np.setdiff1d(np.arange(len(new.ids)), in_new, assume_unique=True)
    old_splits, new_splits = old.splits(), new.splits()
    _, text_old, text_new = np.intersect1d(old.texts, new.texts, return_indices=True)
    moved = text_new[old_splits[text_old] != new_splits[text_new]]
    before_of = dict(zip(changed_new.tolist(), changed_old.tolist(), strict=True))

    def by(part: int | None) -> dict[str, Change]:
        return _by(part, old, new, added, removed, changed_new)

    some = random.Random(seed)
    return Difference(
        a=a.name,
        b=b.name,
        total=by(None)[""],
        sources=by(1),
        splits=by(0),
        languages=by(2),
        moved=len(moved),
        changed_split=int((old_splits[changed_old] != new_splits[changed_new]).sum()),
        removed_because=_because(b.rejected, old.ids[removed]) if b.rejected else None,
        added_samples=_samples(b.clean, new, _few(added, some)),
        removed_samples=_samples(a.clean, old, _few(removed, some)),
        changed_samples=_changed(a.clean, b.clean, old, new, _few(changed_new, some), before_of),
        moved_samples=_samples(b.clean, new, _few(moved, some)),
    )


def _by(
    part: int | None,
    old: Fingerprints,
    new: Fingerprints,
    added: np.ndarray,
    removed: np.ndarray,
    changed: np.ndarray,
) -> dict[str, Change]:
    """Changes by one part of a group's name; by none: all together, under an empty name."""

    def key(name: tuple[str, str, str]) -> str:
        return "" if part is None else name[part]

    keys = sorted(
        {key(name) for name in [*old.names, *new.names]} | ({""} if part is None else set())
    )
    if part == 0:
        keys.sort(key=SPLITS.index)
    number = {each: place for place, each in enumerate(keys)}

    def placed(version: Fingerprints) -> np.ndarray:
        codes = np.array([number[key(name)] for name in version.names], dtype=np.int64)
        return codes[version.groups] if len(codes) else np.empty(0, np.int64)

    def summed(places: np.ndarray, weights: np.ndarray | None = None) -> list[int]:
        sums = np.bincount(places, weights=weights, minlength=len(keys))
        return [int(each) for each in sums]

    of_old, of_new = placed(old), placed(new)
    columns = zip(
        summed(of_old),
        summed(of_new),
        summed(of_old, old.sizes),
        summed(of_new, new.sizes),
        summed(of_new[added]),
        summed(of_old[removed]),
        summed(of_new[changed]),
        strict=True,
    )
    fields = list(Change.model_fields)
    return {
        each: Change(**dict(zip(fields, row, strict=True)))
        for each, row in zip(keys, columns, strict=True)
    }


def _because(rejected: Folder, removed: np.ndarray) -> dict[str, int]:
    """Why the later version dropped these ids (their hashes), the most frequent reason first."""
    counts: dict[str, int] = {}
    for table in rejected.batches(["id", "reason"]):
        here = np.flatnonzero(np.isin(hashes(table["id"]), removed))
        for each in pc.value_counts(kinds(table["reason"].take(here))).to_pylist():
            counts[each["values"]] = counts.get(each["values"], 0) + each["counts"]
    if gone := len(removed) - sum(counts.values()):
        counts[GONE] = gone
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _few(places: np.ndarray, some: random.Random) -> list[int]:
    each = places.tolist()
    return sorted(some.sample(each, min(SAMPLES, len(each))))


def _rows(
    clean: Folder, of: Fingerprints, places: Iterable[int], columns: Sequence[str]
) -> dict[int, tuple[str, dict[str, str]]]:
    """The split and the row at places that are counted through all splits."""
    found, start, wanted = {}, 0, list(places)
    for split, size in zip(SPLITS, of.split_sizes, strict=True):
        inside = [place - start for place in wanted if start <= place < start + size]
        if inside:
            rows = clean.below(split).rows_at(inside, columns)
            found.update({start + place: (split, row) for place, row in rows.items()})
        start += size
    return found


def _samples(clean: Folder, of: Fingerprints, places: list[int]) -> list[Sample]:
    rows = _rows(clean, of, places, ["id", "title"])
    return [Sample(split=split, **row) for split, row in rows.values()]


def _changed(
    before: Folder,
    after: Folder,
    old: Fingerprints,
    new: Fingerprints,
    places: list[int],
    before_of: dict[int, int],
) -> list[ChangedSample]:
    columns = ["id", "title", "text"]
    rows = _rows(after, new, places, columns)
    rows_before = _rows(before, old, [before_of[place] for place in places], columns)
    samples = []
    for place, (split, row) in rows.items():
        split_before, was = rows_before[before_of[place]]
        lines, more = changed_lines(was["text"], row["text"])
        samples.append(
            ChangedSample(
                id=row["id"],
                title=row["title"],
                split=split,
                split_before=split_before,
                lines=lines,
                more=more,
            )
        )
    return samples
