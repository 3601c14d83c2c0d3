"""Mojibake, widths and traditional characters: put right where asked, and nothing else touched."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatwright.errors import MissingInput
from tasks.documents import Document, read_documents, write_documents
from tasks.params import PreprocessParams
from tasks.preprocess.chinese import with_sane_widths
from tasks.preprocess.cleaning import clean
from tasks.preprocess.mojibake import without_mojibake
from tasks.preprocess.preprocess import PreprocessReport, preprocess

SHARES = {"min_characters": 5, "validation_share": 0.0, "test_share": 0.0}


def run(
    folder: Path, texts: list[tuple[str, str]], **params: object
) -> tuple[PreprocessReport, list[str]]:
    """Preprocess texts, given with their languages: the report, and the texts afterwards."""
    rows = [
        Document(id=f"s/{n}", source="s", title=f"T{n}", text=text, lang=lang)
        for n, (lang, text) in enumerate(texts)
    ]
    write_documents(rows, folder / "raw")
    made = PreprocessParams.model_validate({**SHARES, **params})
    report = preprocess(folder / "raw", folder / "clean", folder / "rejected", made)
    return report, [each.text for each in read_documents(folder / "clean" / "train")]


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("schÃ¶n", "schön"),
        ("â€œquotedâ€\x9d", "“quoted”"),
        ("ä¸\xadæ–‡å\xad—ç¬¦", "中文字符"),
        ("中文 schÃ¶n\nä¸\xadæ–‡", "中文 schön\n中文"),
        ("Ａ“quotes” ﬁne…", "Ａ“quotes” ﬁne…"),  # right as it is: no width, no ligature, no quote
        ("«¿Qué?» À l’œuvre, Größe; Привет", "«¿Qué?» À l’œuvre, Größe; Привет"),
        ("春眠不觉晓，处处闻啼鸟。", "春眠不觉晓，处处闻啼鸟。"),
    ],
)
def test_mojibake_is_put_right(text: str, repaired: str) -> None:
    assert without_mojibake(text) == repaired


def test_mojibake_of_the_wild(test_data: Path) -> None:
    for name, number in (("in-the-wild", 70), ("negative", 31)):
        cases = json.loads((test_data / "messy" / f"ftfy-{name}.json").read_text("utf-8"))
        # Without the key "fixed-encoding" the encoding is all that had to be put right.
        repaired = {case["label"]: without_mojibake(case["original"]) for case in cases}
        assert len(repaired) == len(cases) == number
        assert repaired == {
            case["label"]: case.get("fixed-encoding", case["fixed"]) for case in cases
        }


@pytest.mark.parametrize(
    ("text", "sane"),
    [
        ("Ｐｙｔｈｏｎ　３．１１", "Python 3.11"),
        ("ｈｔｔｐ：／／ａ．ｃｎ", "http://a.cn"),
        ("你好,世界!", "你好，世界！"),
        ("他说:“好.”", "他说：“好.”"),  # inside quotation marks nothing tells whose stop it is
        ("第一章.\n见下文(略).", "第一章。\n见下文（略）。"),
        ("全价１００％，共５＋３件", "全价100%，共5+3件"),
        ("你好，世界。", "你好，世界。"),
        ("print(你好, 1); f(x)", "print(你好, 1); f(x)"),
        ("3.14, e.g. this: that; ok?", "3.14, e.g. this: that; ok?"),
        ("ﾃｽﾄ｡", "ﾃｽﾄ。"),
        ("时间12:30,比分3:2", "时间12:30,比分3:2"),
        ("中(文(一)二)(a)(b三c)(", "中(文（一）二)(a)(b三c)("),  # the innermost, after Chinese
    ],
)
def test_widths_and_punctuation_are_sane(text: str, sane: str) -> None:
    assert with_sane_widths(text) == sane


@given(st.text(st.sampled_from("ａ１，。．：！（）　a1,.:!()中文 \n")))
def test_sane_widths_stay(text: str) -> None:
    once = with_sane_widths(text)
    assert with_sane_widths(once) == once


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_never_touched(text: str) -> None:
    assert with_sane_widths(text) == text == without_mojibake(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "中(" + "文" * 600_000,
        "中(" * 300_000,
        "中(文,.)(" * 60_000,
        "一" + " " * 600_000 + "二",
        "a" + " \t\u3000" * 200_000 + "b\n" + " " * 600_000,
    ],
    ids=lambda text: text[:6],
)
def test_long_runs_take_time_by_their_length_alone(text: str) -> None:
    # With time by the square of the length, each would take more than half an hour.
    with_sane_widths(clean(text))


def test_traditional_becomes_simplified_in_chinese_alone(tmp_path: Path) -> None:
    pytest.importorskip("opencc")
    _, texts = run(
        tmp_path,
        [("zh", "漢字轉換，乾隆說乾燥"), ("ja", "漢字變換、氣候の話")],
        simplify_chinese=True,
    )
    # 乾 stays in the name of an emperor and becomes 干 where it means dry.
    assert texts == ["汉字转换，乾隆说干燥", "漢字變換、氣候の話"]


def test_chinese_is_chinese_however_its_tag_is_written(tmp_path: Path) -> None:
    pytest.importorskip("opencc")
    tags = ["zh", "zh-TW", "zh_TW", "ZH", "zh-Hant-HK", "yue"]
    found = [(tag, f"第{n}句話說，手機13800138000") for n, tag in enumerate(tags)]
    report, texts = run(
        tmp_path, [*found, ("EN-us", "A line.")], simplify_chinese=True, personal_data=["phone"]
    )
    assert texts == [*(f"第{n}句话说，手机<phone>" for n in range(len(tags))), "A line."]
    assert report.languages == {"en": 1, "zh": 6}
    assert report.personal_data == {"s": {"zh": {"phone": 6}}}


def test_missing_opencc_is_said_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opencc", None)
    params = PreprocessParams.model_validate({**SHARES, "simplify_chinese": True})
    with pytest.raises(MissingInput) as error:
        preprocess(tmp_path / "none", tmp_path / "clean", tmp_path / "rejected", params)
    assert str(error.value) == (
        "preprocess.simplify_chinese: the package opencc is not installed. "
        'Install it with: pip install "chatwright[zh]".'
    )


def test_personal_data_is_counted_by_source_language_and_kind(tmp_path: Path) -> None:
    texts = [("en", "Ask ann@uni.edu or bob@uni.edu."), ("zh", "手机１３８００１３８０００，再见")]
    report, cleaned = run(tmp_path, texts, personal_data=["email", "phone"], normalize_widths=True)
    assert cleaned == ["Ask <email> or <email>.", "手机<phone>，再见"]
    assert report.personal_data == {"s": {"en": {"email": 2}, "zh": {"phone": 1}}}


def test_nothing_is_replaced_unless_asked(tmp_path: Path) -> None:
    texts = [("en", "Ask ann@uni.edu, Ｐｙ!"), ("zh", "漢字,手机13800138000")]
    report, cleaned = run(tmp_path, texts)
    assert cleaned == [text for _, text in texts]
    assert report.personal_data == {}
