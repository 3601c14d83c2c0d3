"""What stays of a folder: as many as fit, by hash, in order; the same as by sorting all of it."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatwright.errors import MissingInput
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.thinning import thinned, thinned_dialogues

TEXTS = st.text("ab书𝄞", min_size=1, max_size=40)
SIZES = st.integers(1, 800)


def by_sorting(sizes: Sequence[tuple[str, int]], most: int) -> list[str]:
    """The rule as it is said: in the order of their hashes, up to the first that goes beyond."""
    kept: list[str] = []
    total = 0
    for name, size in sorted(sizes, key=lambda one: hashlib.sha256(one[0].encode()).hexdigest()):
        total += size
        if kept and total > most:
            break
        kept.append(name)
    return sorted(kept)


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, max_size=30), SIZES, st.integers(1, 40))
def test_as_many_documents_stay_as_fit(texts: list[str], most: int, shard_rows: int) -> None:
    documents = [
        Document(f"s/{number:02d}", "s", "T", text, "en", meta={"n": number})
        for number, text in enumerate(texts)
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_documents(documents, Path(folder), shard_rows=shard_rows)
        kept = thinned(Path(folder), most)
    expected = by_sorting([(each.id, len(each.text.encode())) for each in documents], most)
    assert [each.id for each in kept] == expected
    assert all(each in documents for each in kept), "whole, as they were written"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=4), max_size=20), SIZES)
def test_as_many_dialogues_stay_as_fit(said: list[list[str]], most: int) -> None:
    dialogues = [
        Dialogue(f"d/{number:02d}", "d", "en", "c", [{"role": "user", "content": t} for t in each])
        for number, each in enumerate(said)
    ]
    sizes = [(f"d/{n:02d}", sum(len(t.encode()) for t in each)) for n, each in enumerate(said)]
    with tempfile.TemporaryDirectory() as folder:
        write_dialogues(dialogues, Path(folder))
        kept = thinned_dialogues(Path(folder), most)
    assert [each.id for each in kept] == by_sorting(sizes, most)
    assert all(each in dialogues for each in kept)


def test_all_stay_where_they_fit_and_one_where_none_does(tmp_path: Path) -> None:
    documents = [Document(f"s/{n}", "s", "T", "x" * 100, "en") for n in range(9)]
    write_documents(documents, tmp_path)
    assert thinned(tmp_path, 900) == documents
    assert len(thinned(tmp_path, 899)) == 8
    assert len(thinned(tmp_path, 1)) == 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="nowhere"):
        thinned(tmp_path / "nowhere", 100)
