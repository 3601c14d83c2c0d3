"""Which encoding a file is in: found, or said not to be text."""

import codecs
import os
import tarfile
from pathlib import Path

import pytest

from tasks.ingest.text_encoding import Undecodable, decode

DATA = os.environ.get("CHATWRIGHT_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="CHATWRIGHT_TEST_DATA names no folder of samples")

CHINESE = (
    "这是一个关于公司请假制度的说明。员工需要提前三天向经理提出申请，经理同意以后，人事部门会把结果发到"
    "你的邮箱里。如果生病了，可以在当天上午打电话请假，但是回来以后要交医院的证明。"
)
TRADITIONAL = (
    "這是一個關於公司請假制度的說明。員工需要提前三天向經理提出申請，經理同意以後，人事部門會把結果發到"
    "你的信箱裡。如果生病了，可以在當天上午打電話請假，但是回來以後要交醫院的證明。"
)
FRENCH = "L'été dernier, à l'hôtel où nous étions, le garçon a servi des crêpes très sucrées."
GERMAN = "Die Größe der Maßstäbe überrascht manche Gäste, für Bücher gilt das natürlich nicht."
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy, ale nikdo ho v té chvíli neslyšel."
POLISH = "Zażółć gęślą jaźń, powiedział cicho chłopiec, który siedział obok książek."
RUSSIAN = "Сотрудник должен подать заявление за три дня до начала отпуска, иначе его не отпустят."
GREEK = "Ο υπάλληλος πρέπει να υποβάλει την αίτηση τρεις ημέρες πριν από την άδεια."
JAPANESE = "社員は休みを取る三日前までに、上司に申し込みをしなければなりません。"
KOREAN = "직원은 휴가를 시작하기 사흘 전에 신청서를 제출해야 합니다."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gbk"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-8"),
        (CHINESE, "utf-8-sig"),
        (CHINESE, "utf-16"),
        (CHINESE, "utf-16-le"),
        (CHINESE, "utf-16-be"),
        (CHINESE, "utf-32"),
        (TRADITIONAL, "big5"),
        (FRENCH, "latin-1"),
        (FRENCH, "cp1252"),
        (FRENCH, "utf-16-le"),
        (GERMAN, "latin-1"),
        (CZECH, "cp1250"),
        (POLISH, "cp1250"),
        (POLISH, "iso8859_2"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (GREEK, "iso8859_7"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (KOREAN, "cp949"),
        ("Plain words.", "ascii"),
        ("Plain words, every other byte of them zero.", "utf-16-be"),
    ],
)
def test_text_comes_back_whatever_encoding_it_was_in(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding))
    assert found.text == text
    assert found.broken == 0


def test_page_is_in_the_encoding_it_declares() -> None:
    # Too short and too plain to guess: only the declaration tells 0xE9 from cp1251's й.
    page = "<html><head><meta charset=windows-1251></head><body>й</body></html>"
    assert decode(page.encode("cp1251"), declared_in_html=True).text == page


def test_page_is_not_in_the_encoding_it_declares_by_mistake() -> None:
    page = f"<html><head><meta charset=gb2312></head><body>{CHINESE}</body></html>"
    assert decode(page.encode("utf-8"), declared_in_html=True).text == page


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 40,
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"words " * 20 + b"\x00" * 200,
        b"\x01\x02\x03\x04 words " * 30,
        codecs.BOM_UTF16_LE + b"\x00\xd8" * 50,
    ],
    ids=["all bytes", "picture", "zero bytes", "control characters", "half characters"],
)
def test_what_is_not_text_is_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


def test_damage_is_counted_and_marked() -> None:
    data = (CHINESE * 3).encode()
    damaged = data[:120] + b"\xff" + data[120:]  # 120 is a border: each of these takes three bytes
    found = decode(damaged)
    assert (found.encoding, found.broken) == ("utf-8", 1)
    assert found.text == (CHINESE * 3)[:40] + "\ufffd" + (CHINESE * 3)[40:]


@needs_data
def test_novel_in_gbk_and_utf_16() -> None:
    messy = Path(DATA or "", "messy")
    for name, encoding in (
        ("derived-sanguo-gbk.txt", "gbk"),
        ("derived-sanguo-utf16le-bom.txt", "utf-16"),
    ):
        data = (messy / name).read_bytes()
        assert decode(data).text == data.decode(encoding)


@needs_data
def test_picture_named_as_text_is_refused() -> None:
    with pytest.raises(Undecodable, match="zero bytes"):
        decode(Path(DATA or "", "messy", "png-named-garbage.txt").read_bytes())


@needs_data
def test_nine_of_ten_real_files_are_read_in_their_encoding() -> None:
    """Each file's folder names its encoding; charset-normalizer reads 68 of these 81."""
    names = {"SHIFT_JIS": "cp932", "GB2312": "gb18030", "EUC-KR": "cp949"}
    names |= {name: name for name in ("iso-2022-jp", "iso-2022-kr", "utf-8-sig")}
    right, wrong = 0, []
    with tarfile.open(Path(DATA or "", "messy", "encodings.tar.gz")) as archive:
        for member in archive:
            content = archive.extractfile(member)
            folder = member.name.split("/")[-2] if "/" in member.name else ""
            if content is None or folder == "EUC-TW":  # Python has no codec for that
                continue
            parts = folder.split("-")
            known = "-".join(parts[: 3 if folder.startswith("iso-8859") else 2])
            data = content.read()
            try:
                truth = data.decode(names.get(folder, known.replace("windows-", "cp")))
                same = decode(data).text == truth.removeprefix("\ufeff")
            except (Undecodable, UnicodeDecodeError):
                same = False
            right += same
            wrong += [] if same else [member.name]
    assert right >= 72, wrong


def test_utf_7_is_no_encoding_of_a_page() -> None:
    """Its half characters (+2AA-) could be written nowhere."""
    page = b"<p>" + b"+2AA-" * 200 + b"\xff</p>"
    for data, charset in ((page, "utf-7"), (b"<meta charset=unicode-1-1-utf-7>" + page, None)):
        try:
            found = decode(data, charset=charset, declared_in_html=True)
        except Undecodable:
            continue
        assert "+2AA-" in found.text and found.text.encode("utf-8")
