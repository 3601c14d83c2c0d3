"""Telephone numbers of many countries, by how they are written and by the words beside them.

Digits alone say little: any ten of them are a number somewhere. So a number is taken where its
shape says enough (+ and a calling code; the groups of North America, China, or of a country where
0 leads), and in any shape of 7 to 15 digits where the words beside it say that it is one, in the
languages of ``_SAYS_PHONE``.

The matcher of the package phonenumbers, 48 MB, knows which numbers are given out. Of those in
benchmarks/personal_data.py it found 22 % (English), 41 % (Chinese), 40 % (Portuguese) and 18 %
(presidio-research) where it is strict; where it is not, 61, 97, 84 and 57 %, with a precision
down to 60 %. It was a sixth as fast. So it was left.
"""

import re
from collections.abc import Iterator

from tasks.preprocess.personal_data.spans import Span

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
)
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
    r"|工号|conta\b|konto|compte|iban"
)
_BESIDE = re.compile(f"(?P<phone>{_SAYS_PHONE})|{_SAYS_OTHER}")
_AFTERWARDS = re.compile(r"[ ,(:-]{0,2}(?:mobile|fax|office|cell|phone|手机|电话|传真)", re.I)
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
    named = follows or _is_named(text, start, end)
    if named:
        whole = _ANY.match(text, start) or _INTERNATIONAL.match(text, start)
        if whole and whole.end() >= end and _could_be(whole[0]):
            yield Span(start, whole.end(), "phone")
            return
    found = list(_shaped(text, start, end, named))
    if not found and named:
        for piece in _PIECE.finditer(text, start, end):
            number = _ANY.match(text, piece.start())
            if number and number.end() >= piece.end() and _could_be(piece[0]):
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


def _could_be(written: str) -> bool:
    """Whether digits that are said to be a telephone number can be one: 7 to 15, and no date."""
    number = re.split("x|X|ext|分机|转", written)[0]
    return 7 <= len(_without_extension(number)) <= 15 and not _DATE.match(number)


def _without_extension(written: str) -> str:
    """The digits of a number; what makes it too long and follows a last hyphen is an extension."""
    digits = _DIGITS.findall(written)
    if len("".join(digits)) > 15 and written.rstrip(") ").endswith("-" + digits[-1]):
        digits.pop()
    return "".join(digits)


def _is_named(text: str, start: int, end: int) -> bool:
    """Whether the word nearest to a number, of those that say what it is, says telephone."""
    words = list(_BESIDE.finditer(text[max(0, start - _REACH) : start].lower()))
    if words:
        return words[-1]["phone"] is not None
    return _AFTERWARDS.match(text, end) is not None


def _han_beside(text: str, start: int, end: int) -> bool:
    return _HAN.search(text, max(0, start - _REACH), end + _REACH) is not None
