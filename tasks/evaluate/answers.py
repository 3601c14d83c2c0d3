"""How much of an expected answer a reply contains, token by token.

The definition of SQuAD (Rajpurkar et al. 2016, arXiv:1606.05250, and its evaluation script): lower
case, punctuation and English articles taken out, split at white space; F1 over the bags of tokens
that remain. Chinese, Japanese and Korean characters are tokens of their own, as in CMRC 2018
(Cui et al. 2019, arXiv:1810.07366), because no white space parts their words.
"""

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

_CJK = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_ARTICLES = frozenset(("a", "an", "the"))
_ASCII_SYMBOLS = frozenset("$+<=>^`|~")
"""SQuAD takes out all of ASCII's punctuation; Unicode calls these symbols instead."""


class Overlap(NamedTuple):
    """How the tokens of a reply and of an expected answer agree, each 0 to 1.

    ``f1`` is the harmonic mean of ``recall`` (the share of the expected answer that the reply
    contains) and of the share of the reply that was expected.
    """

    f1: float
    recall: float


def answer_tokens(text: str) -> list[str]:
    """The tokens that count.

    >>> answer_tokens("The `shutil.copy` function!")
    ['shutilcopy', 'function']
    """
    kept = "".join(
        character
        for character in text.lower()
        if character not in _ASCII_SYMBOLS and not unicodedata.category(character).startswith("P")
    )
    return [token for token in _CJK.sub(r" \1 ", kept).split() if token not in _ARTICLES]


def overlap(reply: str, expected: str) -> Overlap:
    """Compare a reply with what was expected.

    >>> overlap("copies a file", "Copies a directory tree").f1  # 1 shared of 2 and of 3
    0.4
    """
    given, wanted = Counter(answer_tokens(reply)), Counter(answer_tokens(expected))
    shared = (given & wanted).total()
    if not shared:
        same = float(not given and not wanted)
        return Overlap(same, same)
    precision, recall = shared / given.total(), shared / wanted.total()
    return Overlap(2 * precision * recall / (precision + recall), recall)
