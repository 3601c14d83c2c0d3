"""What stays of a folder: as many as fit, by hash, in order, long ones cut; as by sorting all of it."""

import hashlib
import math
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatwright.errors import MissingInput
from tasks.documents import Dialogue, Document, write_dialogues, write_documents
from tasks.thinning import thinned, thinned_dialogues

TEXTS = st.text("ab书𝄞", min_size=1, max_size=40)
SIZES = st.integers(1, 800)


def by_sorting(sizes: Sequence[tuple[str, int]], most: int, each: float = math.inf) -> list[str]:
    """The rule as it is said: in the order of their hashes, up to the first that goes beyond."""
    kept: list[str] = []
    total = 0.0
    for name, size in sorted(sizes, key=lambda one: hashlib.sha256(one[0].encode()).hexdigest()):
        total += min(size, each)
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
    sizes = {each.id: len(each.text.encode()) for each in documents}
    assert [each.id for each in kept] == by_sorting([*sizes.items()], most, max(1, most // 20))
    came = {each.id: each for each in documents}
    lengths = {each.id: len(each.text.encode()) for each in kept}
    cut = [name for name in lengths if lengths[name] < sizes[name]]
    for each in kept:
        assert each.text and came[each.id].text.startswith(each.text)
        assert replace(each, text=came[each.id].text) == came[each.id]
        # All are cut at one length, but for a character of up to four bytes that does not fit.
        assert all(lengths[each.id] <= lengths[name] + 3 for name in cut)
    one_each = sum(len(each.text[:1].encode()) for each in kept)
    assert sum(lengths.values()) <= max(most, one_each)
    if cut:  # then the size is filled
        assert sum(lengths.values()) > most - 4 * len(kept)


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


def test_a_long_document_crowds_no_other_out(tmp_path: Path) -> None:
    documents = [
        Document(f"s/{n:02d}", "s", "T", "书" * (100 if n % 2 else 100_000), "zh")
        for n in range(40)
    ]
    write_documents(documents, tmp_path)
    kept = thinned(tmp_path, 20_000)
    # By hand: long ones count 1,000, short ones 300; so of 40 more than half fit.
    assert len(kept) > 20
    short = [each for each in kept if len(each.text) == 100]
    long = [each for each in kept if len(each.text) != 100]
    assert short and long
    length = (20_000 - 300 * len(short)) // len(long)
    assert {len(each.text.encode()) for each in long} == {length - length % 3}


def test_all_stay_whole_where_they_fit(tmp_path: Path) -> None:
    documents = [Document(f"s/{n}", "s", "T", "x" * 100, "en") for n in range(9)]
    write_documents(documents, tmp_path)
    assert thinned(tmp_path, 900) == documents
    assert [len(each.text) for each in thinned(tmp_path, 899)] == [99] * 9
    assert [len(each.text) for each in thinned(tmp_path, 1)] == [1]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="nowhere"):
        thinned(tmp_path / "nowhere", 100)
