"""Token overlap, against SQuAD's definition worked out by hand."""

import pytest

from tasks.evaluate.answers import answer_tokens, overlap


def test_case_punctuation_and_articles_do_not_count() -> None:
    reply = overlap("The Path, of `shutil.copy`!", "path of shutil.copy")
    assert reply == (1.0, 1.0)


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    # Reply: copies file to folder (4); expected: copies directory tree to folder now (6).
    # Shared: copies, to, folder = 3; precision 3/4, recall 3/6; F1 = 2 * .75 * .5 / 1.25 = 0.6.
    f1, recall = overlap("copies a file to a folder", "copies a directory tree to the folder now")
    assert f1 == pytest.approx(0.6)
    assert recall == pytest.approx(0.5)


def test_a_word_counts_as_often_as_both_have_it() -> None:
    # Reply has "very" three times, expected twice: 2 shared of 3 and of 3.
    assert overlap("very very very", "very very good").f1 == pytest.approx(2 / 3)


def test_nothing_in_common_is_zero() -> None:
    assert overlap("I do not know", "copies files") == (0.0, 0.0)
    assert overlap("", "copies files") == (0.0, 0.0)


def test_chinese_counts_by_character() -> None:
    assert answer_tokens("用 tempfile 创建目录。") == ["用", "tempfile", "创", "建", "目", "录"]
    # 3 of the reply's 4 characters, 3 of the expected 4.
    assert overlap("临时目录", "时目录。吗").f1 == pytest.approx(2 * 0.75 * 0.75 / 1.5)


def test_symbols_count_as_squad_has_it() -> None:
    """string.punctuation holds symbols such as + and =, which Unicode does not call punctuation."""
    assert answer_tokens("a += b | c") == ["b", "c"]
