"""The filters on Chinese: characters for words, other marks, other stop words."""

import gzip
import os
from pathlib import Path

import pytest

from tasks.preprocess.quality.c4 import c4, c4_lines, sentence_count
from tasks.preprocess.quality.chinese import CHARACTERS_A_WORD, HAN_CHARACTER
from tasks.preprocess.quality.fineweb import fineweb
from tasks.preprocess.quality.gopher import gopher_quality, gopher_repetition
from tasks.preprocess.quality.judgement import filtered
from tasks.preprocess.quality.statistics import Statistics
from tasks.quality_params import ChineseParams, QualityParams

LIMITS = ChineseParams()
FILTERS = ["gopher-repetition", "gopher-quality", "c4", "fineweb"]
ARTICLE = """\
复制文件夹时，里面的所有内容都会一起复制，原来位置的文件不会有任何改变。
要开始复制的人应当有读取每一个文件的权限；不能读取的文件会被列出来。
全部完成以后，程序会打印一张错误的清单，这样就不必从头再做一遍了。
只有在明确要求的时候，链接才会被跟随。否则它们在新的地方仍然是链接。
在系统允许的范围内，文件的时间和权限也会保留下来，各个系统的差别很大。"""


def chinese(text: str) -> Statistics:
    return Statistics(text, "zh")


def test_an_article_passes_and_would_not_as_english() -> None:
    assert filtered(ARTICLE, "zh", FILTERS, LIMITS) == (ARTICLE, None)
    assert filtered(ARTICLE, "en", FILTERS, QualityParams())[1] is not None


def test_han_characters_and_other_words_are_counted() -> None:
    statistics = chinese("用 shutil 复制文件，很快。")
    assert statistics.tokens == ["用", "shutil", *"复制文件，很快。"]
    assert statistics.words == 1 + 7 / 1.7


@pytest.mark.parametrize(
    ("characters", "reason"), [(84, "too few words"), (85, None)]
)  # 84 / 1.7 = 49.4 words, 85 / 1.7 = 50
def test_length_is_in_words(characters: int, reason: str | None) -> None:
    text = ("的是" + "天地玄黄宇宙洪荒" * 11)[:characters]
    assert gopher_quality(chinese(text), LIMITS.gopher_quality) == reason


def test_stop_words_are_single_characters_of_either_script() -> None:
    plain = "天地玄黄宇宙洪荒" * 11
    assert gopher_quality(chinese(plain), LIMITS.gopher_quality) == "too few stop words"
    assert gopher_quality(chinese(plain + "於與"), LIMITS.gopher_quality) is None


def test_signs_count_against_the_letters() -> None:
    # 88 letters of 88 + n signs: 0.735 is at n = 31.7.
    text = "的是天地玄黄宇宙" * 11
    assert gopher_quality(chinese(text + "★" * 31), LIMITS.gopher_quality) is None
    assert gopher_quality(chinese(text + "★" * 32), LIMITS.gopher_quality) == (
        "too few words with a letter"
    )


def test_phrases_are_longer_in_characters() -> None:
    # 5 words are 8 characters: seven that repeat are no phrase, eight are.
    seven = chinese("天地玄黄宇宙洪" + "日月盈昃" + "天地玄黄宇宙洪")
    eight = chinese("天地玄黄宇宙洪荒" + "日月盈昃" + "天地玄黄宇宙洪荒")
    assert seven.n_grams[1] == [0, 0, 0, 0, 0, 0]
    assert eight.n_grams[1] == [8 / 20, 0, 0, 0, 0, 0]
    assert gopher_repetition(eight, LIMITS.gopher_repetition) == "one phrase of 2 words all over"


def test_spam_that_repeats_goes() -> None:
    text = "\n".join(f"加微信领取免费优惠券，第{n}名有奖。" for n in range(30))
    assert gopher_repetition(chinese(text), LIMITS.gopher_repetition) is not None


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("他说：“好！”她笑了。", 2),
        ("真的吗？！……我不信", 2),
        ("霁月光风耀玉堂．水涸湘江．占１．５％．", 3),
        ("价格是3.5元。", 1),
        ("第一，第二；第三：", 1),
    ],
)
def test_sentences_end_in_full_width_marks(line: str, count: int) -> None:
    assert sentence_count(line, is_chinese=True) == count


def test_c4_knows_chinese_lines() -> None:
    lines = [
        "首页 登录 注册",  # no mark at the end
        "今天天气很好。她说：“我们走吧！”",
        "好的。",  # two characters
        "点击查看更多...",  # cut off
        "他慢慢地走远了……",
        "继续使用即表示您同意我们的隐私政策。",
        "请启用JavaScript后再访问本站。",
    ]
    kept = c4_lines(chinese("\n".join(lines)), LIMITS.c4).kept
    assert kept == [lines[1], lines[4]]
    assert c4(c4_lines(chinese("\n".join(lines)), LIMITS.c4), LIMITS.c4) == "too few sentences"


def test_fineweb_knows_chinese_lines() -> None:
    menu = "\n".join(["首页", "登录", "新闻中心", "关于我们", "联系我们。"])
    assert fineweb(chinese(menu), LIMITS.fineweb) == "short lines"
    # 12 characters a line: short in English, not in Chinese.
    assert (
        fineweb(chinese("\n".join(ARTICLE.replace("，", "。\n").split("\n"))), LIMITS.fineweb)
        is None
    )
    unmarked = "\n".join(line.rstrip("。") for line in ARTICLE.split("\n"))
    assert fineweb(chinese(unmarked), LIMITS.fineweb) == "few lines end in a mark"


@pytest.mark.skipif("CHATWRIGHT_TEST_DATA" not in os.environ, reason="needs the real samples")
def test_words_are_as_long_as_those_that_people_segmented() -> None:
    path = Path(os.environ["CHATWRIGHT_TEST_DATA"], "zh", "people-daily-199801.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        words = [word.rsplit("/", 1)[0].lstrip("[") for line in file for word in line.split()]
    lengths = [len(word) for word in words if HAN_CHARACTER.sub("", word) == "" != word]
    assert len(lengths) > 900_000
    assert round(sum(lengths) / len(lengths), 1) == CHARACTERS_A_WORD


@pytest.mark.skipif("CHATWRIGHT_TEST_DATA" not in os.environ, reason="needs the real samples")
def test_a_newspaper_stays() -> None:
    # The People's Daily, ten paragraphs at a time: what people wrote and edited. What goes are
    # tables of the stock exchange, lists of headlines and the articles of a law.
    path = Path(os.environ["CHATWRIGHT_TEST_DATA"], "zh", "people-daily-199801.txt.gz")
    paragraphs = []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for _, line in zip(range(2_000), file, strict=False):
            words = [word.rsplit("/", 1)[0].lstrip("[") for word in line.split()]
            paragraphs.append("".join(words))
    articles = ["\n".join(paragraphs[n : n + 10]) for n in range(0, len(paragraphs), 10)]
    reasons = [filtered(article, "zh", FILTERS, LIMITS)[1] for article in articles]
    assert len(articles) == 200 and reasons.count(None) >= 180, reasons
