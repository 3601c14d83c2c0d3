"""The language of a text, offline."""

import os
from pathlib import Path

import pytest

from tasks.ingest.language import language, primary


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Der Ordner wird mit allem, was darin ist, an einen anderen Ort kopiert.", "de"),
        ("Le dossier est copié avec tout ce qu'il contient.", "fr"),
        ("Папка копируется со всем содержимым.", "ru"),
        ("フォルダ全体を別の場所にコピーします。", "ja"),
        ("폴더 전체를 다른 곳으로 복사합니다.", "ko"),
        ("फ़ोल्डर को कहीं और कॉपी करें", "hi"),
        ("東京都議会議員選挙", "zh"),  # Han alone: nothing tells Japanese from Chinese here
        ("他穿着「の」字的衣服走过来，说这是日本来的礼物，大家都笑了，笑得很开心很热闹。", "zh"),
        ("用 shutil.copytree(source, destination) 复制整个文件夹", "zh"),
        ("呢個係廣東話，唔該晒你哋幫手，聽日再見啦", "zh"),  # Cantonese
        ("the sign 中 means middle", "en"),
        ("x = f(y)", "en"),  # too few letters to go by
        ("", "en"),
        ("1,000 + 2,000 = 3,000", "en"),
        ("COPY THE WHOLE FOLDER WITH ALL THAT IS IN IT", "en"),
        ("copy\nthe whole\nfolder\nto another place", "en"),
    ],
)
def test_language(text: str, code: str) -> None:
    assert language(text) == code


def test_the_middle_of_a_long_page_counts_and_not_its_menu() -> None:
    menu = "Home Login Contact Imprint Shop About us Search Help Privacy " * 10
    body = "Der Ordner wird mit allem, was darin ist, an einen anderen Ort kopiert. " * 60
    assert language(menu + body) == "de"


@pytest.mark.parametrize(
    ("tag", "code"),
    [("zh-Hant-TW", "zh"), ("EN_us", "en"), ("yue", "zh"), (" de ", "de"), ("", "")],
)
def test_a_declared_tag_is_cut_to_its_language(tag: str, code: str) -> None:
    assert primary(tag) == code


@pytest.mark.parametrize("written", ["$^$", "\0/../x", "English", "e", "", "中文", "en\nx"])
def test_what_is_no_tag_tells_no_language(written: str) -> None:
    assert primary(written) == ""


@pytest.mark.skipif("CHATWRIGHT_TEST_DATA" not in os.environ, reason="needs the real samples")
def test_paragraphs_of_26_languages_are_told() -> None:
    wrong = []
    for path in sorted(Path(os.environ["CHATWRIGHT_TEST_DATA"], "langid").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()[:200]
        for start in range(0, len(lines), 10):
            if language("\n".join(lines[start : start + 10])) != path.stem:
                wrong.append((path.stem, start))
    assert not wrong
