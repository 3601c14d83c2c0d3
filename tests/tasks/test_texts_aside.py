"""Texts on disk: each is found by its place, and nothing is left of them."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from tasks.texts_aside import TextsAside


def test_each_text_is_found_by_its_place(tmp_path: Path) -> None:
    with TextsAside(tmp_path, 4) as texts:
        texts.put(np.array([2, 0]), pa.chunked_array([["two"], ["你好"]]))
        texts.put(np.array([3, 1]), pa.chunked_array([["", "one 🙂"]]))
        assert [texts[place] for place in range(4)] == ["你好", "one 🙂", "two", ""]
        assert texts.sizes.tolist() == [6, 8, 3, 0]
        assert len(texts) == 4


def test_a_text_that_is_not_there_is_brought_with_others(tmp_path: Path) -> None:
    asked: list[int] = []

    def bring(place: int) -> None:
        asked.append(place)
        texts.put(np.arange(3), pa.chunked_array([["a", "b", "c"]]))

    with TextsAside(tmp_path, 3, bring) as texts:
        assert (texts[1], texts[2], texts[1]) == ("b", "c", "b")
    assert asked == [1]


def test_no_file_is_to_be_seen_at_any_time(tmp_path: Path) -> None:
    with TextsAside(tmp_path, 1) as texts:
        texts.put(np.array([0]), pa.chunked_array([["text"]]))
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
