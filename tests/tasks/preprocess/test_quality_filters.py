"""The published filters: each limit from its paper, worked out by hand on a small text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.documents import REJECTED_SCHEMA, Document, read_documents, read_table, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.preprocess import PreprocessReport, preprocess
from tasks.preprocess.quality.c4 import c4, c4_lines, sentence_count
from tasks.preprocess.quality.fineweb import fineweb
from tasks.preprocess.quality.gopher import gopher_quality, gopher_repetition
from tasks.preprocess.quality.judgement import judged
from tasks.preprocess.quality.statistics import Statistics, n_gram_characters, repeated_share
from tasks.quality_params import (
    C4Params,
    FineWebParams,
    GopherQualityParams,
    GopherRepetitionParams,
)

PROSE = """\
The folder is copied with all that it holds, and nothing in the old place is changed by that.
Whoever starts the copy should have the right to read each file; a file that cannot be read is named.
At the end, a list of all errors is printed, so that the work does not have to be begun again.
Links are followed only where this is asked for. Otherwise they stay links in the new place, too.
Times and rights of the files are kept as far as the system below allows it, which differs a lot.
"""


def english(text: str) -> Statistics:
    return Statistics(text, "en")


def open_repetition(**limits: object) -> GopherRepetitionParams:
    everything = {"lines": 1.0, "line_characters": 1.0, "paragraphs": 1.0, "paragraph_characters": 1.0,
                  "top_n_grams": [1.0] * 3, "n_grams": [1.0] * 6}  # fmt: skip
    return GopherRepetitionParams.model_validate(everything | limits)


def test_prose_passes_every_filter() -> None:
    params = PreprocessParams(
        min_characters=1, validation_share=0, test_share=0,
        filters=["gopher-repetition", "gopher-quality", "c4", "fineweb"],
    )  # fmt: skip
    assert judged(PROSE.strip(), "en", params) == (PROSE.strip(), None)


# Gopher, repetition


def test_shares_of_repeated_lines() -> None:
    # Lines ab, c, ab, ab: 2 of 4 stood above; 4 of the 10 characters (line ends included).
    statistics = english("ab\nc\nab\nab")
    assert statistics.repeated_lines == (0.5, 0.4)
    assert gopher_repetition(statistics, open_repetition(lines=0.49)) == "lines repeat"
    assert gopher_repetition(statistics, open_repetition(lines=0.5)) is None
    reason = gopher_repetition(statistics, open_repetition(line_characters=0.39))
    assert reason == "much text is in lines that repeat"


def test_shares_of_repeated_paragraphs() -> None:
    # Paragraphs "a\nb", "c", "a\nb": one of three, 3 of 11 characters; no other line repeats.
    statistics = english("a\nb\n\nc\n\n\na\nb")
    assert statistics.repeated_paragraphs == (1 / 3, 3 / 12)
    assert gopher_repetition(statistics, open_repetition(paragraphs=0.33)) == "paragraphs repeat"
    reason = gopher_repetition(statistics, open_repetition(paragraph_characters=0.24))
    assert reason == "much text is in paragraphs that repeat"


def test_the_most_frequent_phrase() -> None:
    # "go on" stands 3 times in 29 characters: 15 / 29; 3 words: "on and" no phrase comes twice but
    # "and go on" (2 x 9).
    statistics = english("go on and go on and go on now")
    top, _ = statistics.n_grams
    assert top[0] == 15 / 29
    assert top[1] == 2 * 9 / 29  # the first of those that come twice: "go on and"
    assert gopher_repetition(statistics, open_repetition(top_n_grams=[0.51, 1.0, 1.0])) == (
        "one phrase of 2 words all over"
    )


def test_phrases_that_repeat() -> None:
    # The second "a b c d e" stood before: 5 of the 19 characters; no 6 words do.
    statistics = english("a b c d e f a b c d e")
    _, again = statistics.n_grams
    assert again == [5 / 21, 0, 0, 0, 0, 0]
    limits = open_repetition(n_grams=[0.23, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert gopher_repetition(statistics, limits) == "phrases of 5 words repeat"


def counted_from_the_definition(tokens: list[str], n: int) -> tuple[int, int]:
    """Both counts, by the words of the paper, for every n-gram there is."""
    grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    top = 0
    if grams:
        most = max(map(grams.count, grams))
        first = next(gram for gram in grams if grams.count(gram) == most)
        top = len(" ".join(first)) * most
    seen, again, place = set(), 0, 0
    while place < len(grams):
        if grams[place] in seen:
            again += len("".join(grams[place]))
            place += n
        else:
            seen.add(grams[place])
            place += 1
    return top, again


@given(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=60))
def test_n_grams_are_counted_as_defined(tokens: list[str]) -> None:
    top, again = n_gram_characters(tokens, (2, 3, 4), (5, 6, 7, 8, 9, 10), gap=1)
    assert top == [counted_from_the_definition(tokens, n)[0] for n in (2, 3, 4)]
    assert again == [counted_from_the_definition(tokens, n)[1] for n in range(5, 11)]


@given(st.lists(st.text("ab", max_size=3), min_size=1, max_size=20))
def test_repeated_pieces_are_counted_as_defined(pieces: list[str]) -> None:
    later = [piece for place, piece in enumerate(pieces) if piece in pieces[:place]]
    expected = len(later) / len(pieces), sum(map(len, later)) / 100
    assert repeated_share(pieces, 100) == expected


# Gopher, quality


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It isn't Mr. Brown's, is it?", ["It", "is", "n't", "Mr.", "Brown", "'s", ",", "is", "it", "?"]),
        ("3.5 or 1,000 at a.b@c.org", ["3.5", "or", "1,000", "at", "a.b@c.org"]),
        ("End.Next (well-known) IL-3", ["End", ".", "Next", "(", "well", "-", "known", ")", "IL-3"]),
        ("see https://a.b/c?d=e now...", ["see", "https://a.b/c?d=e", "now", "..."]),
    ],
)  # fmt: skip
def test_words_and_signs(text: str, tokens: list[str]) -> None:
    assert english(text).tokens == tokens


WORDS = "the " * 30 + "folder " * 19 + "of"  # 50 words


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        (WORDS, {}, None),
        (WORDS.replace("the ", "", 1), {}, "too few words"),
        (WORDS, {"max_words": 49}, "too many words"),
        ("a of " * 25 + "the and", {}, "words too short"),  # (75 + 6) / 52 = 1.6
        ("incomprehensible " * 50 + "the and", {}, "words too long"),  # 806 / 52 = 15.5
        (WORDS + " #" * 5, {}, None),  # 5 of 55 tokens: 0.09
        (WORDS + " #" * 6, {}, "too many hash signs"),  # 6 of 56: 0.107
        (WORDS + " …" * 6, {}, "too many ellipses"),
        ("\n".join(f"- {word}" for word in WORDS.split()), {"alphabetic": 0.5}, "nothing but bullet points"),
        ("\n".join(f"- {word}" for word in WORDS.split()) + "\nthe" * 6, {"alphabetic": 0.5}, None),  # 50 of 56
        (WORDS.replace("folder ", "folder\n") + "\nthe folder..." * 10, {"symbols": 0.2}, "lines end in ellipses"),  # 10 of 30
        (WORDS + " 1" * 12, {}, None),  # 50 of 62 tokens: 0.806
        (WORDS + " 1" * 13, {}, "too few words with a letter"),  # 50 of 63: 0.794
        (WORDS.replace("of", "folder"), {}, "too few stop words"),
    ],
)  # fmt: skip
def test_gopher_quality(text: str, limits: dict[str, float], reason: str | None) -> None:
    assert gopher_quality(english(text), GopherQualityParams.model_validate(limits)) == reason


def test_stop_words_are_asked_for_in_english_only() -> None:
    german = "Ordner werden samt ihrem Inhalt kopiert " * 9
    assert gopher_quality(Statistics(german, "de"), GopherQualityParams()) is None
    assert gopher_quality(english(german), GopherQualityParams()) == "too few stop words"


# C4


def c4_reason(text: str, **limits: bool) -> str | None:
    params = C4Params.model_validate(limits)
    return c4(c4_lines(english(text), params), params)


FIVE = "One is here now. Two is here. Three is here! Is four here? Five is here."


def test_c4_keeps_the_lines_that_are_sentences() -> None:
    text = "\n".join(
        [
            "Home | Login",  # no mark at the end
            FIVE,
            "Read more...",  # cut off
            "Two words.",  # two words
            "Please enable Javascript to see this.",
            "This site uses cookies to be better.",
            "Water is wet.[3][citation needed]",
            "x" * 1001 + " is too long.",
        ]
    )
    assert c4_lines(english(text), C4Params()).kept == [FIVE, "Water is wet."]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (FIVE, None),
        (FIVE.replace(" Two is here.", ""), "too few sentences"),
        (FIVE + "\nlorem ipsum dolor sit amet.", "lorem ipsum"),
        (FIVE + "\nfunction f() { return here. }.", "a curly bracket"),
        ("Home\nLogin\nImprint", "too few sentences"),
    ],
)
def test_c4_documents(text: str, reason: str | None) -> None:
    assert c4_reason(text) == reason


def test_c4_without_marks_asked_for_as_fineweb_ran_it() -> None:
    text = "\n".join(["one line without a mark"] * 5)
    assert c4_reason(text) == "too few sentences"
    assert c4_reason(text, terminal_marks=False) is None


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("One. Two! Three?", 3),
        ("He met Mr. J. Brown of U.S. Steel, e.g. twice.", 1),
        ("It costs 3.50 at a.com. Really?!", 2),
        ('She said "Go." Then she went', 2),
        ("", 0),
    ],
)
def test_sentences_are_counted(line: str, count: int) -> None:
    assert sentence_count(line, is_chinese=False) == count


# FineWeb

LONG = "This line has more than thirty characters"


@pytest.mark.parametrize(
    ("lines", "limits", "reason"),
    [
        ([f"{LONG} {n}." for n in range(9)], {}, None),
        # One line of nine ends in a mark: 0.111 < 0.12.
        ([f"{LONG} {n}" for n in range(8)] + [LONG + "."], {}, "few lines end in a mark"),
        ([f"{LONG} {n}" for n in range(7)] + [LONG + "."], {}, None),  # one of eight: 0.125
        ([f"{LONG}." * 3] + ["A short one here it is.", "A shorter one it is."], {}, None),  # 2 of 3
        ([f"{LONG}."] + [f"A short line is number {n}." for n in range(3)], {}, "short lines"),  # 3 of 4
        # "x." of 102 + 8 other characters stands twice.
        ([f"{LONG}.", f"{LONG}."], {}, "much text is in lines that repeat"),
        # 2 line breaks among 6 tokens: 0.33.
        (["a" * 31 + ".", "b" * 31 + ".", "c" * 31 + "."], {}, "a list"),
        (["a" * 31 + ".", "b" * 31 + ".", "c" * 31 + "."], {"line_breaks": 0.34}, None),
    ],
)  # fmt: skip
def test_fineweb(lines: list[str], limits: dict[str, float], reason: str | None) -> None:
    assert fineweb(english("\n".join(lines)), FineWebParams.model_validate(limits)) == reason


# In the stage

MENU = "Home\nLogin\nContact\nImprint\nPrivacy\nSearch\nHelp\nShop"


def run(folder: Path, found: list[Document], **choices: object) -> PreprocessReport:
    write_documents(found, folder / "raw")
    chosen = {"min_characters": 10, "validation_share": 0.0, "test_share": 0.0} | choices
    params = PreprocessParams.model_validate(chosen)
    return preprocess(folder / "raw", folder / "clean", folder / "rejected", params)


def some() -> list[Document]:
    return [
        Document("web/1", "web", "T", PROSE, "en"),
        Document("web/2", "web", "T", MENU, "en"),
        Document("web/3", "web", "T", "Ein kurzer Satz, der deutsch ist.", "de-AT"),
        Document("folder/1", "folder", "T", "一篇中文的文章。", "zh-Hans"),
        Document("folder/2", "folder", "T", MENU + "\nTerms", "en"),
        Document("web/4", "web", "T", "コピーします。フォルダ全体です。", "ja"),
    ]


def test_nothing_is_filtered_unless_asked_for(tmp_path: Path) -> None:
    report = run(tmp_path, [each for each in some() if each.id != "folder/1"])
    assert report.documents["train"] == 5 and report.rejected_by_source == {}


def test_rejected_documents_are_counted_by_source_and_kept_aside(tmp_path: Path) -> None:
    report = run(
        tmp_path, some(), min_characters=1, languages=["en", "zh"], filters=["gopher-quality"]
    )
    assert report.rejected_by_source == {
        "folder": {"gopher-quality: too few words": 2},
        "web": {"gopher-quality: too few words": 1, "language de": 1, "language ja": 1},
    }
    assert report.rejected == {
        "gopher-quality: too few words": 3, "language de": 1, "language ja": 1
    }  # fmt: skip
    rejected = read_table(tmp_path / "rejected", REJECTED_SCHEMA).to_pylist()
    assert {row["id"]: row["text"] for row in rejected}["web/2"] == MENU


def test_languages_that_cannot_be_counted_are_not_judged(tmp_path: Path) -> None:
    report = run(tmp_path, some(), filters=["gopher-quality", "c4", "fineweb", "gopher-repetition"])
    kept = {each.id for each in read_documents(tmp_path / "clean" / "train")}
    assert kept == {"web/1", "web/4"} and report.documents["train"] == 2


def test_c4_takes_lines_out_of_what_stays_and_equal_rests_are_one(tmp_path: Path) -> None:
    pages = [
        Document(f"web/{n}", "web", "T", f"{menu}\n{FIVE}", "en")
        for n, menu in enumerate(["Home | Login", "Start | Imprint"])
    ]
    report = run(tmp_path / "c4", pages, filters=["c4"])
    assert [each.text for each in read_documents(tmp_path / "c4/clean/train")] == [FIVE]
    assert report.rejected == {"duplicate": 1}
    asked = {"filters": ["c4"], "quality": {"c4": {"takes_lines_out": False}}}
    assert run(tmp_path / "whole", pages, **asked).documents["train"] == 2


def test_what_filters_leave_too_little_of_goes(tmp_path: Path) -> None:
    unmarked = "no mark\nat the ends of these lines\nnone of them"
    texts = {"a": unmarked, "b": f"{unmarked}\nSo it is.", "c": "This is one. That is two."}
    found = [Document(name, "web", "T", text, "en") for name, text in texts.items()]
    choices = {"filters": ["c4"], "quality": {"c4": {"min_sentences": 0}}}
    report = run(tmp_path, found, **choices)
    reason = "too short without the lines that filters took out"
    assert report.rejected == {reason: 2} and report.documents["train"] == 1
    rejected = read_table(tmp_path / "rejected", REJECTED_SCHEMA).to_pylist()
    assert [row["text"] for row in rejected] == [unmarked, texts["b"]]  # whole


@pytest.mark.parametrize(
    "choice",
    [
        {"filters": ["gopher"]},
        {"languages": []},
        {"languages": ["English"]},
        {"quality": {"gopher_repetition": {"n_grams": [0.1]}}},
        {"quality": {"fineweb": {"terminal_lines": 1.2}}},
        {"quality": {"c4": {"bad_words": True}}},
    ],
)
def test_choices_that_cannot_be_are_refused(choice: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(choice))):
        PreprocessParams.model_validate(
            {"min_characters": 1, "validation_share": 0.0, "test_share": 0.0} | choice
        )
