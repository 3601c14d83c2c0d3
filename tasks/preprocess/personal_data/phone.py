"""Telephone numbers of many countries, by how they are written and by the words beside them.

Digits alone say little: any ten of them are a number somewhere. So a number is taken where its
shape says enough (+ and a calling code; the groups of North America, China, or of a country where
0 leads), and in any shape of 7 to 15 digits where the words beside it say that it is one, in the
languages of ``_SAYS_PHONE``. Digits in one piece may as well be a count, an address in memory or a
model: the word has to lead to them directly ("call me at 5550134", not "call stack at 00401000").

The package phonenumbers, which knows what numbers are given out, is not used: without being told
a text's country, its matcher looks at international numbers alone.
"""

import re
from collections.abc import Iterator
from typing import Literal

from tasks.preprocess.personal_data.spans import Span

Naming = Literal["directly", "from afar"]
"""How the words beside a number say that it is a telephone's."""

CALLING_CODE = re.compile(
    "1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|21[1-368]|2[2-6][0-9]|29[01789]"
    "|35[0-9]|3[78][0-9]|42[013]|50[0-9]|59[0-9]|67[02-9]|68[0-35-9]|69[0-2]|80[08]|85[02356]"
    "|87[08]|88[0-36]|96[0-8]|97[0-79]|99[2-68]"
)
"""E.164's calling codes, one place at least once: the regions' and the global services'."""

_DIGITS = re.compile("[0-9]+")
_GROUP = r"\(?\ ?[0-9]++(?:\ ?\))?"
_BODY = rf"{_GROUP}(?>(?:\ ?[-./]?\ ?{_GROUP}){{0,9}})"  # bounded: a table of digits is long
_EXTENSION = r"(?:\ ?(?:x|X|ext\.?|分机|转)\ ?[0-9]{1,6})?"
_AFTER = r"(?![A-Za-z0-9_%=*]|[.,:/-][0-9])"
_BEFORE = r"(?<![A-Za-z0-9_.,)#$€£¥%*=/+-])"
_BEFORE_SIGN = r"(?<![A-Za-z0-9_)])"

_INTERNATIONAL = re.compile(
    rf"(?:{_BEFORE_SIGN}\(?\+|{_BEFORE}\(?0(?:0|11)\)?[ -]?(?=[1-9]))"
    rf"({_BODY}){_EXTENSION}{_AFTER}",
    re.X,
)
_NATIONAL = re.compile(
    rf"""
    {_BEFORE_SIGN} (?:1[ .-]?)? \([0-9]{{3}}\)[ .-]{{0,2}} [0-9]{{3}}[ .-][0-9]{{4}}
        {_EXTENSION} {_AFTER}
    | {_BEFORE} (?:
        (?:1[ .-])? [0-9]{{3}}([.-])[0-9]{{3}}\1[0-9]{{4}} {_EXTENSION}           # North America
      | (?:86[ -])? 1[3-9][0-9][ -][0-9]{{4}}[ -][0-9]{{4}}                      # China, mobile
      | 86[ -] 1[3-9][0-9]{{9}}
      | (?:\(0(?:10|2[0-9]|[3-9][0-9]{{2}})\)[ -]?|0(?:10|2[0-9]|[3-9][0-9]{{2}})[ -])  # its lines
        [2-8][0-9]{{2,3}}[ -]?[0-9]{{4}} (?:-[0-9]{{1,6}}|(?:转|分机)[0-9]{{1,6}})?
      | [48]00-[0-9]{{3,4}}-?[0-9]{{3,4}}                                          # its services
      | 0[0-9](?P<pair>[ .-])(?:[0-9]{{2}}(?P=pair)){{3}}[0-9]{{2}} (?!(?P=pair)[0-9])  # France
      | (?<![0-9]\ )(?:\(0[1-9][0-9]{{0,3}}\)[ -]?|0[1-9][0-9]{{0,3}}[ -])          # 0 leads
        (?=(?:[ -]?[0-9]){{6,9}}(?![0-9])) [0-9]{{3,9}}(?:[ -][0-9]{{2,4}}){{0,2}} (?!\ ?-?[0-9])
    ) {_AFTER}
    """,
    re.X,
)
_CHINA_MOBILE = re.compile(rf"{_BEFORE}1[3-9][0-9]{{9}}{_AFTER}")
_SHAPES = (_INTERNATIONAL, _NATIONAL, _CHINA_MOBILE)
_ANY = re.compile(rf"(?:{_BEFORE}|(?<=-)(?=\()){_BODY}{_EXTENSION}{_AFTER}", re.X)
_PIECE = re.compile(r"[^ /]+")
_DATE = re.compile(
    r"(?:19|20)[0-9]{2}([-./ ]?)(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12][0-9]|3[01])(?![0-9])"
    r"|[0-9]{1,2}([-./])[0-9]{1,2}\2(?:19|20)[0-9]{2}(?![0-9])"
    r"|(?:1[5-9]|20)[0-9]{2} ?[-/] ?(?:1[5-9]|20)[0-9]{2}(?!-?[0-9])"  # from year to year
)
_SUM_OR_DECIMAL = re.compile(r"\+ [0-9]+|\+[0-9]{5,}\.[0-9]+")
_OPENING = re.compile(r"[(+][(+ ]{0,2}$")
_HAN = re.compile("[\u4e00-\u9fff]")

_SAYS_PHONE = (
    r"phone|\btel\b|telephone|mobile|\bcell|\bfax|\bcall|\bdial|contact|whatsapp|hotline"
    r"|\bdesk\b|\boffice ?:|\breach\b|answering at|messages? to|registered|telefon|teléfono|\btél"
    r"|móvil|celular|\bligue|\bligar|llam|handy|portable|\bappel|rufnummer|cellulare|chiama|\bтел|моб|звон|电话|電話|手机|手機|传真"
    r"|傳真|热线|熱線|联系|聯繫|致电|致電|拨|撥|座机|号码是|携帯|전화|휴대|팩스|هاتف|جوال"
)
_SAYS_OTHER = (
    r"account|\bacct|\bcard|serial|sequence|order|invoice|isbn|issn|\bzip\b|postal|postcode|\bssn|social"
    r"|\bid\b|version|://|www\.|账|帐|賬|卡号|卡號|订单|編號|编号|序列|邮编|邮政|身份证|身份證|qq|学号"
    r"|型号|型號|工号|conta\b|konto|compte|iban"
)
_BESIDE = re.compile(f"(?P<phone>{_SAYS_PHONE})|{_SAYS_OTHER}")
_AFTERWARDS = re.compile(
    r"[ ,(:-]{0,2}(?:(?:mobile|fax|office|cell|phone)(?![a-z])|手机|电话|传真)", re.I
)
# What may stand between such a word and digits in one piece. A bracket that follows a word at once
# is that of a function; words in other scripts are let through.
_LEADS_ON = re.compile(
    r"(?:s|es?|os?|as?|ar|en|ez|i|um|ing|ed)?(?![a-z(])"
    r"(?:[\s:：,，.。;；、(/#+-]"
    r"|\b(?:numbers?|number's|no|nr|num|is|was|are|at|on|to|me|us|him|her|them|my|our|your|the|by"
    r"|phone|tel|fax|home|work|mobile|cell|office|direct|line|or|and|via|support|now|today|please"
    r"|é|o|a|e|el|es|ao|al|meu|mi|de|do|para|pelo|número|numero|ist|unter|nummer|le|au|est|numéro"
    r"|è|il)\b"
    r"|[^\x00-\u024f])*"
)
_UP_TO_A_NOUN = re.compile(r" (?!(?:or|and)\b)[a-z]")
_REACH = 32
"""How many characters before a number a word still says what it is."""

_IN_ADDRESS = re.compile(r"(?:://|www\.)\S*$")


def phones(text: str, start: int, end: int, after_another: int | None = None) -> Iterator[Span]:
    """The telephone numbers in a run of digits and separators.

    Args:
        text: in its plain form.
        start, end: the run; what is opened before its first digit, as "(+", belongs to it.
        after_another: where the last number before it ended: of several, words introduce one.
    """
    opening = _OPENING.search(text[max(0, start - 3) : start])
    start -= len(opening[0]) if opening else 0
    if _IN_ADDRESS.search(text, max(0, start - 100), start):
        return
    follows = after_another is not None and 0 <= start - after_another <= 4
    naming = "directly" if follows else _naming(text, start, end)
    if naming:
        whole = _ANY.match(text, start) or _INTERNATIONAL.match(text, start)
        if whole and whole.end() >= end and _could_be(whole[0], naming):
            yield Span(start, whole.end(), "phone")
            return
    found = list(_shaped(text, start, end, named=naming is not None))
    if not found and naming:
        for piece in _PIECE.finditer(text, start, end):
            number = _ANY.match(text, piece.start())
            if number and number.end() >= piece.end() and _could_be(piece[0], naming):
                found.append(Span(*piece.span(), "phone"))
    yield from found


def _shaped(text: str, start: int, end: int, named: bool) -> Iterator[Span]:
    """Numbers whose shape says enough, from left to right."""
    reach = min(end + 12, len(text))
    nexts = {pattern: pattern.search(text, start, reach) for pattern in _SHAPES}
    while True:
        for pattern, match in nexts.items():
            if match and match.start() < start:
                nexts[pattern] = pattern.search(text, start, reach)
        ahead = [match for match in nexts.values() if match and match.start() < end]
        if not ahead:
            return
        first = min(ahead, key=lambda match: (match.start(), -match.end()))
        stop = first.end()
        if first.re is _INTERNATIONAL:
            stop = _end_of_international(first)
        elif first.re is _CHINA_MOBILE and not named and not _han_beside(text, *first.span()):
            stop = 0
        if stop and not _DATE.match(text, first.start()):
            yield Span(first.start(), stop, "phone")
        start = stop or first.start() + 1


def _end_of_international(match: re.Match[str]) -> int:
    """Where a number with a calling code ends; 0 where it is none. Groups too many are left out."""
    body = match[1]
    if _SUM_OR_DECIMAL.fullmatch(match[0]):
        return 0
    code = CALLING_CODE.match("".join(_DIGITS.findall(body)))
    if not code:
        return 0
    digits = _without_extension(body)
    while len(digits) > 15 and " " in body:
        body = body[: body.rindex(" ")].rstrip(" -./(")
        digits = _without_extension(body)
    fixed = digits[0] in "17" and "+" not in match[0].split(body[:1])[0]
    if not 8 <= len(digits) <= 15 or (fixed and len(digits) != 11):
        return 0
    return match.end() if body == match[1] else match.start(1) + len(body)


def _could_be(written: str, naming: Naming) -> bool:
    """Whether digits that are said to be a telephone number can be one: 7 to 15, and no date."""
    if naming == "from afar" and len(_DIGITS.findall(written)) == 1:
        return False
    number = re.split("x|X|ext|分机|转", written)[0]
    return 7 <= len(_without_extension(number)) <= 15 and not _DATE.match(number)


def _without_extension(written: str) -> str:
    """The digits of a number; what makes it too long and follows a last hyphen is an extension."""
    digits = _DIGITS.findall(written)
    if len("".join(digits)) > 15 and written.rstrip(") ").endswith("-" + digits[-1]):
        digits.pop()
    return "".join(digits)


def _naming(text: str, start: int, end: int) -> Naming | None:
    """How the nearest word that says what a number is says telephone; None where it does not."""
    before = text[max(0, start - _REACH) : start].lower()
    words = list(_BESIDE.finditer(before))
    if words:
        if words[-1]["phone"] is None:
            return None
        return "directly" if _LEADS_ON.fullmatch(before, words[-1].end()) else "from afar"
    after = _AFTERWARDS.match(text, end)
    if after is None:
        return None
    return "from afar" if _UP_TO_A_NOUN.match(text, after.end()) else "directly"


def _han_beside(text: str, start: int, end: int) -> bool:
    return _HAN.search(text, max(0, start - _REACH), end + _REACH) is not None
