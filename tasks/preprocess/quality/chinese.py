"""What the filters, made for English, need to know to be right for Chinese.

Chinese has no spaces, and a segmenter would cost more than all filters together. So the unit is
the character, and counts are turned into words by the length of an average word: 1.7 characters,
as words of Han have in the People's Daily of January 1998, which people segmented (a test counts).

- A document's length in words is its Han characters / ``CHARACTERS_A_WORD``, and its other words.
- An n-gram of words is one of round(n x ``CHARACTERS_A_WORD``) characters: 2 words make 3
  characters, 5 words 8, 10 words 17. With n characters, what any two texts share would count.
- The mean length of words says nothing where each is one character, and is not judged.
- Shares (of lines, n-grams, punctuation) are those that FineWeb2 (Penedo et al. 2025,
  arXiv:2506.20920) fitted to Chinese in its configuration ``cmn_Hani``; they are shares of
  characters, lines or words, so the unit does not matter to them. They stand in params.yaml. Only
  a short line is of other length: 30 characters of English are 6 words, those 10 of Chinese.
- Stop words are from the same list, without those that are parts of dates and of other words
  (year, month, day, person, middle). They are single characters, traditional ones included.
- Sentences end in full-width marks, "．" of older texts among them, also inside closing quotes; a
  semicolon or colon does not end one, as in English.
"""

import re

CHARACTERS_A_WORD = 1.7

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
TOKENS = re.compile(rf"[{HAN}]|[^\W{HAN}]+|[^\w\s]")
"""Each Han character, each other word, each other sign."""

HAN_CHARACTER = re.compile(f"[{HAN}]")

STOP_WORDS = frozenset("的 在 是 和 了 於 于 為 为 有 被 他 與 与 後 也 而 由".split())

SENTENCE_END = re.compile("(?:[。！？!?｡]|．(?!\\d)|…+|\\.{3,})+[”’」』）)\"']*")
TERMINAL = ("。", "．", "！", "？", "!", "?", "｡", "”", "’", "」", "』", '"', "……")
"""What a line of running text ends in; a single "…" cuts a teaser off, the double one is prose."""

POLICY = (
    *("隐私政策", "隱私政策", "隐私条款", "隱私條款", "使用条款", "使用條款"),
    *("服务条款", "服務條款", "cookie政策", "cookie 政策", "使用cookie", "使用 cookie"),
)
"""C4's phrases on cookies and terms of use, as Chinese pages say them."""


def characters(words: int) -> int:
    """How many characters so many words have on average.

    >>> [characters(n) for n in (2, 5, 10)]
    [3, 8, 17]
    """
    return round(words * CHARACTERS_A_WORD)
