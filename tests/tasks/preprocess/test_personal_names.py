"""People's names are found by lists, by jieba's words and by what stands beside them, where wanted."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chatwright.errors import MissingInput
from tasks.documents import Document, read_documents, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.personal_data.finding import personal_data
from tasks.preprocess.personal_data.name_lists import name_lists
from tasks.preprocess.personal_data.names import name_finder
from tasks.preprocess.personal_data.replacing import without_personal_data
from tasks.preprocess.personal_data.spans import ALL_KINDS, KINDS
from tasks.preprocess.preprocess import preprocess


@pytest.fixture(autouse=True)
def _packages() -> None:
    pytest.importorskip("faker")
    pytest.importorskip("rjieba")


def found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in personal_data(text, ["name"])]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Yesterday Kevin Miller met Ann.", ["Kevin Miller", "Ann"]),
        ("Written by Guido van Rossum, 1991", ["Guido van Rossum"]),
        ("by John F. Kennedy and J. K. Rowling", ["John F. Kennedy", "J. K. Rowling"]),
        ("Mr. Rangel flew; Prof. Dr. Brumba did not.", ["Rangel", "Brumba"]),
        ("My name is Xelphira and", ["Xelphira"]),
        ("everyone calls me Zork.", ["Zork"]),
        ("Dear Okafor, thanks", ["Okafor"]),
        ('"No," Hernandez said.', ["Hernandez"]),
        ("Zuzana: who are you?\nKevin: me", ["Zuzana", "Kevin"]),
        # boundaries
        ("Kevin's hat, Kevin’s coat, (Kevin), “Kevin”", ["Kevin"] * 4),
        ("KEVIN MILLER:\nKevin Miller\nParis", ["KEVIN MILLER", "Kevin Miller"]),
        ("Jean-Luc Dubois and Conan O'Brien", ["Jean-Luc Dubois", "Conan O'Brien"]),
        ("Kevin Miller\nAcme Corporation", ["Kevin Miller"]),
        ("我和Kevin Miller一起去。", ["Kevin Miller"]),
        # words that are names besides: only with a surname or a title
        ("Will Smith and Mark Miller", ["Will Smith", "Mark Miller"]),
        ("Mrs. May, Mr. Rose and Miss Hope", ["May", "Rose", "Hope"]),
        ("Will you mark it? Mark it. May I? Hope so. Rose water, Grace period, Bill 7", []),
        ("In April, Summer came to Paris, Florence, Georgia and Austin.", []),
        # not of people
        ("Kevin University, Morgan Library, Kevin Street, the Kevin River", []),
        ("San Antonio, Lake Victoria, Port Elizabeth, Hurricane Katrina, St. James", []),
        ("Mr. President, Mr. Speaker, Dear Customer, Hi Team, U.S. Representative", []),
        ("The Python Software Foundation and Visual Basic, Apache Kafka", []),
        ("Returns True If The Key Is Missing. See Also: Object Model", []),
        ("kevin miller in lower case is not found", []),
    ],
)  # fmt: skip
def test_names_in_english(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("会议由王建国主持。", ["王建国"]),
        ("“陈志远，你等等！”", ["陈志远"]),
        ("「欧阳靖」和『诸葛亮』", ["欧阳靖", "诸葛亮"]),
        ("王先生、李老师和张教授", ["王", "李", "张"]),
        ("约翰·史密斯和玛丽·居里", ["约翰·史密斯", "玛丽·居里"]),
        ("记者唐婉报道\n摄影：段晓峰", ["唐婉", "段晓峰"]),
        ("姓名：林晓彤", ["林晓彤"]),
        # words that look like names
        ("今天真高兴，黄金涨了，我马上来，他张开双臂，王国很大。", []),
        ("白天、高中、安全、方法、周围、成功、任何、许多、应该", []),
        ("麦克风和马拉松，莫斯科和华盛顿", []),
        ("先生们，女士们，老师说过，任主席的时候", []),
        ("《论语·学而》和《诗经·小雅》", []),
        ("東京の王建国さん\n王建国", ["王建国"]),  # Japanese is left, line by line
    ],
)  # fmt: skip
def test_names_in_chinese(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "https://x.org/Kevin/Miller?by=Ann and www.x.org/Kevin",
        "`Kevin Miller` and ``Kevin``",
        "```\nauthor = Kevin Miller\n```",
        ">>> greet('Kevin')\n    ... Kevin",
        "Kevin() Kevin.txt Kevin::Miller kevin@Kevin Kevin_Miller Kevin=1 x.Kevin @Kevin /Kevin",
        "https://x.org/王建国",
    ],
)
def test_names_in_code_and_addresses_stay(text: str) -> None:
    assert found(text) == []


def test_of_overlapping_kinds_the_earlier_is_taken_and_of_equal_ones_the_stricter() -> None:
    replaced, counts = without_personal_data("Kevin Miller <kevin.miller@uni.edu>", ALL_KINDS)
    assert replaced == "<name> <<email>>"
    assert counts == {"name": 1, "email": 1}
    assert without_personal_data("Kevin.Miller@uni.edu", ALL_KINDS)[0] == "<email>"
    assert without_personal_data("Kevin Miller@uni.edu", ALL_KINDS)[0] == "<name> <email>"
    assert without_personal_data("王建国13800138000", ALL_KINDS)[0] == "<name><phone>"


def test_names_are_left_alone_unless_asked_for() -> None:
    text = "Kevin Miller, 王建国"
    assert personal_data(text) == []
    assert without_personal_data(text, KINDS) == (text, {})


@given(st.text(st.sampled_from("AKevin Milr.'’-\n·王建国先生，约翰`>:/@"), max_size=80))
def test_spans_are_in_order_and_replaced_one_for_one(text: str) -> None:
    spans = personal_data(text, ["name"])
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    replaced, counts = without_personal_data(text, ["name"])
    assert replaced.count("<name>") == len(spans) == counts["name"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["Kevin ", "K.", "K. ", "Kevin-", "Kevin's ", "Dr. ", "van der ", "A", "`", "``` ", "```` x", "www.",
     "http://", ">>> ", " ", "my name is ", "王", "王建国", "约翰·", "·", "约", "王 ", "の", "王の"],
)  # fmt: skip
def test_long_runs_take_time_by_their_length_alone(piece: str) -> None:
    # With time by the square of the length, these would take hours.
    personal_data(piece * (300_000 // len(piece)) + "x", ["name"])


def test_the_report_counts_names_by_source_and_language(tmp_path: Path) -> None:
    rows = [
        Document(
            id="a/1", source="a", title="Kevin Miller", text="Kevin Miller met Ann.", lang="en"
        ),
        Document(id="b/1", source="b", title="T", text="会议由王建国主持，不是别人。", lang="zh"),
    ]
    write_documents(rows, tmp_path / "raw")
    params = PreprocessParams(
        min_characters=5, validation_share=0.0, test_share=0.0, personal_data=["name"]
    )
    report = preprocess(tmp_path / "raw", tmp_path / "clean", tmp_path / "rejected", params)
    assert report.personal_data == {"a": {"en": {"name": 3}}, "b": {"zh": {"name": 1}}}
    documents = list(read_documents(tmp_path / "clean" / "train"))
    assert [(each.title, each.text) for each in documents] == [
        ("<name>", "<name> met <name>."),
        ("T", "会议由<name>主持，不是别人。"),
    ]


@pytest.mark.parametrize(
    ("package", "what"),
    [
        ("faker.providers.lorem.en_US", "whose lists tell names"),
        ("rjieba", "which finds the words of Chinese"),
    ],
)
def test_a_missing_package_is_said_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, what: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    name_finder.cache_clear()
    name_lists.cache_clear()
    params = PreprocessParams(
        min_characters=5, validation_share=0.0, test_share=0.0, personal_data=["name"]
    )
    with pytest.raises(MissingInput) as raised:
        preprocess(tmp_path / "nowhere", tmp_path / "clean", tmp_path / "rejected", params)
    assert str(raised.value) == (
        f"preprocess.personal_data: the package {package.split('.')[0]}, {what}, is not installed. "
        'Install it with: pip install "chatwright[names]".'
    )


@pytest.mark.parametrize("kinds", [["names"], "name", ["name", 1], [None]])
def test_other_kinds_are_refused(kinds: object) -> None:
    with pytest.raises(ValidationError):
        PreprocessParams.model_validate(
            {"min_characters": 5, "validation_share": 0, "test_share": 0, "personal_data": kinds}
        )
