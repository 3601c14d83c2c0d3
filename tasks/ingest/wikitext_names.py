"""The names that wikitext.py knows: templates that are part of a sentence, namespaces, switches.

A template is a program that stands in the wiki. The few below are known for the text that they
show, on English, French, Chinese and Japanese Wikipedia; all others are left out.
"""

import re
from collections.abc import Callable

Arguments = list[str]
"""A template's arguments without a name, in their order."""

HIDDEN_NAMESPACES = frozenset(
    "file image category media datei bild kategorie fichier catégorie archivo imagen categoría"
    " ficheiro imagem categoria immagine bestand categorie afbeelding plik grafika kategoria"
    " файл изображение категория зображення категорія kategori tập_tin thể_loại ไฟล์"
    " หมวดหมู่ קובץ תמונה קטגוריה ملف صورة تصنيف پرونده رده चित्र श्रेणी fil bilde tiedosto luokka"
    " fájl kép soubor kategorie súbor kategória dosya resim fişier imagine fitxer slika kategorija"
    " αρχείο κατηγορία berkas gambar 文件 档案 檔案 圖像 图像 图片 圖片 分类 分類 ファイル 画像"
    " カテゴリ 파일 그림 분류".split()
)
HIDDEN_NAMESPACES = frozenset(name.replace("_", " ") for name in HIDDEN_NAMESPACES)
"""Of files and categories, in the languages with the largest Wikipedias; a dump names its own."""

NO_LANGUAGES = frozenset(["doi", "wp", "mw", "rfc", "cia", "hdl", "irc", "voy", "wmf"])
"""Prefixes of links that look like a language's, which would lead to the same page in it."""

_ORDINAL = re.compile(r"(?:\d{1,4}|[ivxlc]+)(?:er|re|e)(?: siècle)?")
"""French: ``{{XXe siècle}}``, ``{{Ier}}``."""

_NAMED = re.compile(r"\s*[\w -]{1,30}=")


def visible(content: list[str]) -> str:
    """What a template shows, by the pieces of what stands between its braces."""
    if not content:
        return ""
    head = content[0]
    written = head.partition("|")[0].strip().replace("_", " ")
    name = written.lower()
    if _ORDINAL.fullmatch(name):
        return written
    shown = _SHOWN.get(name) or _by_prefix(name)
    if shown is None:
        return ""
    parts = "".join(content).split("|")[1:]
    unnamed = [part.strip() for part in parts if not _NAMED.match(part)]
    numbered = [part.partition("=")[2].strip() for part in parts if re.match(r"\s*[1-9]\s*=", part)]
    return shown(unnamed or numbered)


def _by_prefix(name: str) -> Callable[[Arguments], str] | None:
    if name.startswith("lang-"):
        return _first
    if name.startswith("link-"):
        return _first
    if name.startswith(("formatnum:", "lc:", "uc:", "lcfirst:", "ucfirst:")):
        return lambda _: name.partition(":")[2].strip()
    return None


def _first(arguments: Arguments) -> str:
    return arguments[0] if arguments else ""


def _last(arguments: Arguments) -> str:
    return arguments[-1] if arguments else ""


def _second(arguments: Arguments) -> str:
    return arguments[1] if len(arguments) > 1 else _first(arguments)


def _third(arguments: Arguments) -> str:
    return arguments[2] if len(arguments) > 2 else _second(arguments)


def _all(arguments: Arguments) -> str:
    return " ".join(arguments)


def _converted(arguments: Arguments) -> str:
    """``{{convert|5|to|8|km|mi}}``: the measure as it was given, "5 to 8 km"."""
    size = 4 if len(arguments) > 3 and arguments[1] in _RANGES else 2
    words = arguments[:size]
    if size == 4 and words[1] in ("-", "–"):
        return f"{words[0]}–{words[2]} {words[3]}"
    return " ".join(words)


_RANGES = ("to", "and", "or", "-", "–", "x", "by", "to about")


def _nihongo(arguments: Arguments) -> str:
    """``{{nihongo|English|漢字|romaji}}``: "English (漢字, romaji)"."""
    inside = ", ".join(each for each in arguments[1:3] if each)
    shown = _first(arguments)
    return f"{shown} ({inside})" if shown and inside else shown or inside


def _reading(arguments: Arguments) -> str:
    return f"{_first(arguments)}（{arguments[1]}）" if len(arguments) > 1 else _first(arguments)


def _fraction(arguments: Arguments) -> str:
    if len(arguments) == 3:
        return f"{arguments[0]} {arguments[1]}/{arguments[2]}"
    return "/".join(arguments) if len(arguments) != 1 else f"1/{arguments[0]}"


def _life(arguments: Arguments) -> str:
    """``{{bd|1643年|1月4日|1727年|3月31日}}`` of Chinese Wikipedia: the years of a life."""
    born, died = "".join(arguments[:2]), "".join(arguments[2:4])
    return f"（{born}－{died}）" if born or died else ""


def _century(arguments: Arguments) -> str:
    return f"{_first(arguments)}e siècle"


def _constant(text: str) -> Callable[[Arguments], str]:
    return lambda _: text


_SHOWN: dict[str, Callable[[Arguments], str]] = {
    **dict.fromkeys(["lang", "langue", "transl", "transliteration", "tsl", "rtl-lang"], _last),
    **dict.fromkeys(
        "nowrap nobr nobreak small smaller big larger center em strong bold italic i b abbr tooltip"
        " sic linktext ill le sc smallcaps sub url quote blockquote cquote quotation"
        " 仮リンク ルビ le link-en 链接 langue_inline nihongo2 zhi unité/1 visible angle"
        " flag vanchor angbr keypress citation lien key".split(),
        _first,
    ),
    **dict.fromkeys(["interlanguage link", "link-interwiki"], _first),
    **dict.fromkeys(["color", "colored", "font color", "fontcolor", "coloreddot"], _second),
    **dict.fromkeys(["convert", "cvt"], _converted),
    **dict.fromkeys(["nihongo", "nihongo3"], _nihongo),
    **dict.fromkeys(["読み仮名", "ruby", "ruby-ja", "ruby-zh-p", "ruby-zh-b"], _reading),
    **dict.fromkeys(["frac", "fraction", "sfrac"], _fraction),
    **dict.fromkeys(["unité", "unite", "val", "date", "date-", "nombre", "num"], _all),
    **dict.fromkeys(["date de naissance", "date de décès", "date de naissance-"], _all),
    **dict.fromkeys(["bd"], _life),
    **dict.fromkeys(["s", "s-", "siècle"], _century),
    **dict.fromkeys(["circa", "c."], lambda arguments: " ".join(["c.", *arguments[:1]])),
    **dict.fromkeys(["as of"], lambda arguments: " ".join(["As of", *arguments[:1]])),
    "ipa": _first,
    "chem": "".join,
    "euro": lambda arguments: f"{_first(arguments)} €",
    "incise": lambda arguments: f" – {_first(arguments)} – ",
    "née": lambda arguments: f"née {_first(arguments)}",
    "etc.": _constant("etc."),
    "'s": _constant("'s"),
    "sup": lambda arguments: f"^{_first(arguments)}",
    "zh": _first,
    "=": _constant("="),
    "!": _constant("&#124;"),
    "'": _constant("'"),
    **dict.fromkeys(["snd", "spnd", "spaced ndash", "spaced en dash"], _constant(" – ")),
    **dict.fromkeys(["ndash", "en dash", "endash"], _constant("–")),
    **dict.fromkeys(["mdash", "em dash", "mdashb"], _constant("—")),
    **dict.fromkeys(["nbsp", "space", "thin space", "thinsp", "spaces"], _constant(" ")),
    **dict.fromkeys(["·", "dot", "middot", "•", "bull"], _constant(" · ")),
}
