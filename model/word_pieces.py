"""How text is cut into pieces that no token goes beyond: words, digits, punctuation, white space.

Notable choice: Python's own ``re`` does it in about half the time that the package ``regex`` takes,
but knows no ``\\p{L}``, and its ``\\s`` takes in U+001C to U+001F. So it is given the characters
themselves, those that ``regex`` takes for letters, numbers and white space. With all of them it
would be seven times slower than with those up to U+FFFF, so a text that goes beyond, as with emoji,
is left to ``regex``.
"""

import re
from collections.abc import Callable
from functools import cache

import regex
from tokenizers import Regex, pre_tokenizers

# Qwen's: contractions; words with what stands before them; single digits; punctuation with the
# line breaks that follow it; line breaks; other white space, its last character left to the word.
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SETS = (r"\p{L}", r"\p{N}", r"\s")
"""What stands in it for many characters, beside ``\\S``."""


def pieces_then_bytes() -> pre_tokenizers.PreTokenizer:
    """How our tokenizers cut text: by ``PIECES``, and each piece into bytes."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def pieces_of(text: str) -> list[str]:
    """The pieces of a text; joined, they are the text.

    >>> pieces_of("It's 42:  done\\n")
    ['It', "'s", ' ', '4', '2', ':', ' ', ' done', '\\n']
    """
    if text.isascii() or len(text.encode("utf-16-le", "surrogatepass")) == 2 * len(text):
        return _of_basic_characters()(text)
    return _of_all_characters()(text)


@cache
def _of_all_characters() -> Callable[[str], list[str]]:
    return regex.compile(PIECES).findall


@cache
def _of_basic_characters() -> Callable[[str], list[str]]:
    basic = "".join(chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000)
    sets = {each: _ranges(each, basic) for each in SETS}

    def spelt(found: re.Match[str]) -> str:
        part = found[0]
        if part.startswith("["):
            for each, ranges in sets.items():
                part = part.replace(each, ranges)
            return part
        return f"[{sets[part]}]" if part in sets else f"[^{sets[part.lower()]}]"

    return re.compile(re.sub(r"\[[^]]*\]|\\p\{.\}|\\[sS]", spelt, PIECES)).findall


def _ranges(of: str, basic: str) -> str:
    """Those of some characters that a pattern matches, as they are written between brackets."""
    runs = (run[0] for run in regex.finditer(f"{of}+", basic))
    return "".join(f"\\u{ord(run[0]):04x}-\\u{ord(run[-1]):04x}" for run in runs)
