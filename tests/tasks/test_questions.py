"""Questions made from documents: what is asked, what is expected, what is kept apart."""

import re
from string import Formatter

import pytest

from tasks.documents import Document
from tasks.needs import need
from tasks.questions import (
    HELD_OUT,
    TEMPLATES,
    TRAINING,
    expected_answer,
    held_out_questions,
    summary_sentence,
    training_questions,
)

SENDFILE = Document(
    id="python-docs/os.sendfile",
    source="python-docs",
    title="os.sendfile",
    text=(
        "os.sendfile(out_fd, in_fd, offset, count)\n\n"
        "Copy count bytes from file descriptor in_fd to\nfile descriptor out_fd.\n\n"
        "Where both are sockets, nothing happens."
    ),
    lang="en",
    meta={"kind": "function"},
)


def page(title: str, text: str, lang: str = "en") -> Document:
    """A document as the user's folder gives it: no kind, no signature."""
    return Document(id=f"folder/{title}", source="folder", title=title, text=text, lang=lang)


def asked(conversations: list[list[dict[str, str]]]) -> list[str]:
    return [conversation[0]["content"] for conversation in conversations]


def test_the_answer_is_the_signature_and_the_first_sentence_on_one_line() -> None:
    assert expected_answer(SENDFILE) == (
        "`os.sendfile(out_fd, in_fd, offset, count)`\n\n"
        "Copy count bytes from file descriptor in_fd to file descriptor out_fd."
    )


def test_short_sentences_of_the_first_paragraph_are_answered_together() -> None:
    document = page(
        "Tea", "Tea is a drink. It is hot, e.g. in winter. " + "It is " + "x" * 240 + "."
    )
    assert expected_answer(document) == "Tea is a drink. It is hot, e.g. in winter."


def test_a_heading_that_repeats_the_title_is_not_part_of_the_answer() -> None:
    document = page("Holidays", "# Holidays\n\nEverybody has thirty days.")
    assert expected_answer(document) == "Everybody has thirty days."


def test_a_stub_before_the_first_sentence_is_passed_over() -> None:
    document = page("filter", "filter object\n\nYield the items for which function is true.")
    assert summary_sentence(document) == "Yield the items for which function is true."


def test_chinese_sentences_end_without_white_space() -> None:
    document = page("年假", "每位员工每年有三十天假期。申请要提前两周提交。", lang="zh")
    assert summary_sentence(document) == "每位员工每年有三十天假期。"


def test_a_function_is_asked_for_by_name_and_by_need_in_both_languages() -> None:
    questions = held_out_questions(SENDFILE)
    assert [(one.style, one.lang) for one in questions] == [
        ("name", "en"),
        ("need", "en"),
        ("name", "zh"),
        ("need", "zh"),
    ]
    for one in questions:
        assert (one.document_id, one.title) == (SENDFILE.id, SENDFILE.title)
        assert one.answer == expected_answer(SENDFILE)
        assert ("os.sendfile" in one.question) == (one.style == "name")
        assert bool(re.search("[\u4e00-\u9fff]", one.question)) == (one.lang == "zh")


def test_a_training_example_is_a_question_and_its_answer() -> None:
    conversations = training_questions(SENDFILE)
    assert len(conversations) == 4
    for question, answer in conversations:
        assert question["role"] == "user"
        assert answer == {"role": "assistant", "content": expected_answer(SENDFILE)}


def test_a_need_never_gives_the_name_away() -> None:
    document = Document(
        id="python-docs/shutil.move",
        source="python-docs",
        title="shutil.move",
        text="shutil.move(src, dst)\n\nRecursively move a file to another place.",
        lang="en",
        meta={"kind": "function"},
    )
    assert {one.style for one in held_out_questions(document)} == {"name"}


def test_a_chinese_page_is_asked_about_in_chinese_only() -> None:
    questions = held_out_questions(page("年假", "每位员工每年有三十天假期。", lang="zh"))
    assert [one.lang for one in questions] == ["zh"]
    assert "年假" in questions[0].question


@pytest.mark.parametrize("document", [page("", "Some text."), page("Title", "---\n\n***")])
def test_a_document_without_title_or_sentence_gives_no_question(document: Document) -> None:
    assert training_questions(document) == []
    assert held_out_questions(document) == []


def test_braces_in_a_title_are_left_as_they_are() -> None:
    questions = held_out_questions(page("{title} and {0}", "About two placeholders."))
    assert all("{title} and {0}" in one.question for one in questions)


def test_no_held_out_phrasing_occurs_in_training() -> None:
    def normal(template: str) -> str:
        """The words alone: another full stop, case or placeholder is no other phrasing."""
        words = "".join(text + " " for text, *_ in Formatter().parse(template))
        return re.sub(r"\W+", " ", words).strip().lower()

    phrasings = {
        which: {normal(one) for key, some in TEMPLATES.items() if key[0] == which for one in some}
        for which in (TRAINING, HELD_OUT)
    }
    assert len(phrasings[TRAINING]) > 20 and len(phrasings[HELD_OUT]) > 15
    assert not phrasings[TRAINING] & phrasings[HELD_OUT]


def test_a_document_is_never_asked_in_words_that_it_was_trained_on() -> None:
    training, held_out = training_questions(SENDFILE), held_out_questions(SENDFILE)
    assert not set(asked(training)) & {one.question for one in held_out}


def test_the_same_document_gives_the_same_questions_and_documents_differ() -> None:
    titles = [f"thing{number}" for number in range(40)]
    first = [asked(training_questions(page(title, "It is a thing."))) for title in titles]
    again = [asked(training_questions(page(title, "It is a thing."))) for title in titles]
    assert first == again
    forms = {
        questions[0].replace(title, "") for title, questions in zip(titles, first, strict=True)
    }
    assert len(forms) == len(TEMPLATES[TRAINING, "name", "en", "text"])


@pytest.mark.parametrize(
    ("summary", "base", "third"),
    [
        (
            "Copy a file and return the file's destination.",
            "copy a file and return the file's destination",
            "copies a file and returns the file's destination",
        ),
        ("Copies a whole folder.", "copy a whole folder", "copies a whole folder"),
        (
            "Recursively delete a directory tree.",
            "recursively delete a directory tree",
            "recursively deletes a directory tree",
        ),
        (
            "Return the size of a file.",
            "get the size of a file",
            "returns the size of a file",
        ),
        (
            "Return True if x is finite, and False otherwise.",
            "check whether x is finite",
            "tells whether x is finite",
        ),
        (
            "Return whether the thread is alive.",
            "check whether the thread is alive",
            "tells whether the thread is alive",
        ),
        ("A queue with a limit.", "a queue with a limit", ""),
    ],
)
def test_a_summary_becomes_the_need_it_meets(summary: str, base: str, third: str) -> None:
    wanted = need(summary)
    assert wanted is not None
    assert (wanted.base, wanted.third) == (base, third)


@pytest.mark.parametrize(
    "summary",
    [
        "Low-level interface to the kernel.",
        "Close it.",
        "Return None, or the next one.",
        "What is this thing here?",
        "",
        "Write " * 40,
    ],
)
def test_a_summary_of_another_form_makes_no_need(summary: str) -> None:
    assert need(summary) is None
