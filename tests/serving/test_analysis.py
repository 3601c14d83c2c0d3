"""From text to terms: stems, parts of names, Chinese, synonyms, and the names in a question."""

import pytest

from serving.analysis import analyse, is_chinese, name_parts, terms
from serving.passages import Passage as Piece
from serving.passages import cut, quote, summary
from serving.streaming import CharacterDecoder, StopFilter, in_words
from serving.words import stem, word_lists


def test_words_are_stemmed_and_empty_words_left_out() -> None:
    assert terms("Copying the files") == ["copi", "file"]


def test_a_name_is_found_whole_and_by_its_parts() -> None:
    assert terms("TemporaryDirectory") == ["temporarydirectori", "temporari", "directori"]
    assert name_parts("os.getLogin_name") == ["os", "get", "login", "name"]
    assert name_parts("HTTPServer") == ["http", "server"]


def test_chinese_is_cut_into_pairs() -> None:
    assert terms("年假申请") == ["年假", "假申", "申请"]


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("怎么创建临时文件夹？", True),
        ("shutil.copytree 是做什么的？", True),
        ("what does 你好 mean in English", False),
        ("copy a folder", False),
        ("", False),
    ],
)
def test_the_language_of_a_question_is_that_of_its_words_not_of_the_names_in_it(
    text: str, chinese: bool
) -> None:
    assert is_chinese(text) is chinese


def alternatives(question: str) -> list[set[str]]:
    return [set(group.alternatives) for group in analyse(question).groups]


def test_an_everyday_word_also_asks_for_the_word_of_the_manuals() -> None:
    (folder,) = alternatives("the folder")
    assert {"folder", "directori", "dir"} <= folder


def test_the_words_of_asking_ask_for_nothing() -> None:
    assert [group.word for group in analyse("How do I please copy files?").groups] == [
        "copy", "files",
    ]  # fmt: skip


def test_a_question_of_empty_words_alone_keeps_them() -> None:
    assert [group.word for group in analyse("what is this?").groups] == ["what", "is", "this"]


def test_a_chinese_word_asks_for_its_english_names_and_for_itself() -> None:
    directory = alternatives("临时文件夹")[-1]
    assert {"directori", "folder", "文件", "件夹"} <= directory


def test_the_longest_chinese_word_counts() -> None:
    # 文件夹 (folder) begins with 文件 (file), which is not meant.
    words = [group.word for group in analyse("删除文件夹里的文件").groups]
    assert "文件" in words and any("文件夹" in word for word in words)


def test_an_unknown_chinese_word_is_asked_for_by_its_pairs() -> None:
    assert alternatives("红烧肉") == [{"红烧"}, {"烧肉"}]


@pytest.mark.parametrize(
    ("question", "strong"),
    [
        ("What does shutil.copytree do?", {"shutil.copytree"}),
        ("what is `walk`?", {"walk"}),
        ("the copy module", {"copy"}),
        ("what does open() do with files", {"open"}),
        ("copy 模块是什么", {"copy"}),
        ("json dumps", set()),
        ("copy a file into a folder", set()),
        ("copytree", {"copytree"}),
    ],
)
def test_a_name_is_told_from_a_word_by_how_it_is_written(question: str, strong: set[str]) -> None:
    assert {name.text for name in analyse(question).names if name.strong} == strong


def test_words_side_by_side_may_be_a_dotted_name() -> None:
    assert "json.dumps" in {name.text for name in analyse("json dumps").names}


def test_every_line_of_the_word_lists_is_read() -> None:
    lists = word_lists()
    assert len(lists.glossary) > 900
    assert stem("directory") in lists.synonyms["folder"]
    assert lists.phrases["get", "rid", "of"] == (("remove", "delete"),)


def test_a_long_text_is_cut_between_paragraphs() -> None:
    text = "\n\n".join(["a" * 40, "b" * 40, "c" * 90])
    assert cut(text, 100) == ["a" * 40 + "\n\n" + "b" * 40, "c" * 90]


def test_a_paragraph_longer_than_a_passage_is_cut_between_sentences() -> None:
    text = "One sentence here. " * 20
    pieces = cut(text, 100)
    assert all(len(piece) <= 100 and piece.endswith("here.") for piece in pieces)
    assert " ".join(pieces) == text.strip()


def test_a_text_without_any_blank_is_cut_too() -> None:
    assert cut("x" * 250, 100) == ["x" * 100, "x" * 100, "x" * 50]


def test_the_summary_is_the_first_sentence_after_the_signature_or_heading() -> None:
    assert summary("os.walk(top)\n\nTree generator. And more.", "os.walk") == "Tree generator."
    assert summary("# Leave\n\nYou have\n28 days. Ask.", "Leave") == "You have 28 days."
    assert summary('The "with" statement\n****\n\nIt wraps a block.', "with") == "It wraps a block."
    assert summary("年假\n\n共十天。请提前申请。", "年假") == "共十天。"


def test_a_quote_is_not_longer_than_a_reader_reads() -> None:
    passage = Piece("folder/x", "X", None, "Words and words. " * 200)
    assert len(quote(passage, lambda paragraph: 1.0)) <= 604


def test_characters_are_said_only_when_they_are_whole() -> None:
    data = "a你b".encode()
    decoder = CharacterDecoder(lambda ids: bytes(ids).decode("utf-8", "replace"))
    assert [decoder.push(byte) for byte in data] == ["a", "", "", "你", "b"]


def test_a_stop_sequence_in_two_pieces_is_never_said() -> None:
    gate = StopFilter(["END"])
    assert [gate.push(text) for text in ("one E", "xtra E", "N", "D two")] == [
        "one ", "Extra ", "", "",
    ]  # fmt: skip
    assert gate.stopped


def test_what_only_began_like_a_stop_sequence_is_said_at_the_end() -> None:
    gate = StopFilter(["END"])
    assert gate.push("the EN") + gate.rest() == "the EN"
    assert not gate.stopped


@pytest.mark.parametrize("text", ["", "one", "one two\n\n  three ", "你好，世界"])
def test_words_put_together_are_the_text(text: str) -> None:
    assert "".join(in_words(text)) == text
