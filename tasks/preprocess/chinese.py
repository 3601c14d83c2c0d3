"""Chinese text in one form: widths, punctuation, and, where it is wanted, simplified characters.

Each rule looks at the characters beside a sign, never at the language of the document: a full
stop in a line of code stays what it is.
"""

import re
from collections.abc import Callable

from chatwright.errors import MissingInput

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3007"
# Letters and digits always; Chinese writes its signs full-width, so those only inside ASCII.
_WIDE = {chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F)}
_WIDE_LETTERS = str.maketrans({wide: half for wide, half in _WIDE.items() if half.isalnum()})
_WIDE_SIGNS = "".join(wide for wide, half in _WIDE.items() if not half.isalnum())
_SIGNS_IN_ASCII = re.compile(f"(?<=[A-Za-z0-9])[{_WIDE_SIGNS}]+(?=[A-Za-z0-9])")
_ALWAYS_HALF = str.maketrans({chr(ord(sign) + 0xFEE0): sign for sign in "#%&*+-/@=^_`|$"})
# Japanese half-width signs and the space as wide as a character.
_OTHER_WIDTHS = str.maketrans({"｡": "。", "､": "、", "｢": "「", "｣": "」", "\u3000": " "})
_ENDS_A_CLAUSE = re.compile(rf"(?<=[{_HAN}”’》」）])([,;:!?])(?=[{_HAN}“‘《「（]|[^\S\n]*$)", re.M)
_FULL_STOP = re.compile(rf"(?<=[{_HAN}”’》」）])\.(?=[{_HAN}“‘《「（]|[^\S\n]*$)", re.M)
# Possessive, so that a bracket that is never closed is read once.
_BRACKETS = re.compile(rf"(?<=[{_HAN}，。；：！？])\(([^()\n{_HAN}]*+[{_HAN}][^()\n]*+)\)")
_ANY_WIDE = re.compile("[\uff01-\uff65\u3000]")
_ANY_HAN = re.compile(f"[{_HAN}]")


def with_sane_widths(text: str) -> str:
    """Letters and digits half as wide as a Chinese character, Chinese punctuation as wide as one.

    Full-width letters, digits, signs of calculation and spaces become ASCII, and so does
    punctuation between two of them (``３．１４``). Between Chinese characters, and at the end of
    such a line, ASCII ``, ; : ! ? .`` become Chinese, as do brackets around Chinese.

    >>> with_sane_widths("Ｐｙｔｈｏｎ　３．１１版,很好(测试)!")
    'Python 3.11版，很好（测试）！'
    """
    if text.isascii():
        return text
    if _ANY_WIDE.search(text):
        text = text.translate(_WIDE_LETTERS).translate(_OTHER_WIDTHS)
        text = _SIGNS_IN_ASCII.sub(lambda signs: "".join(_WIDE[sign] for sign in signs[0]), text)
        text = text.translate(_ALWAYS_HALF)
    if _ANY_HAN.search(text):
        text = _BRACKETS.sub(r"（\1）", text)
        text = _ENDS_A_CLAUSE.sub(lambda sign: chr(ord(sign[1]) + 0xFEE0), text)
        text = _FULL_STOP.sub("。", text)
    return text


def simplifier() -> Callable[[str], str]:
    """What turns traditional characters into simplified ones, word by word where it matters.

    Raises:
        MissingInput: the package OpenCC is not installed.
    """
    try:
        from opencc import OpenCC
    except ImportError:
        raise MissingInput(
            "preprocess.simplify_chinese",
            "the package opencc is not installed",
            'Install it with: pip install "chatwright[zh]"',
        ) from None
    convert = OpenCC("t2s").convert
    return lambda text: text if text.isascii() else convert(text)
