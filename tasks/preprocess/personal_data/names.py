"""People's names, of those who write with Latin letters and of those who write Chinese.

Code and addresses of pages are passed over: between backticks, after ``>>>``, in a URL.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache

from chatwright.errors import MissingInput
from tasks.preprocess.personal_data.spans import Span

_SIGNS_OF_CODE = ("`", ">>> ", "://", "www.")
_CODE = re.compile(
    r"```[^`]*+(?:`{1,2}(?!`)[^`]*+)*+```"
    r"|`[^`\n]++`"
    r"|^[ \t]*+(?:>>>|\.\.\.) .*$"
    r"|\b(?:[a-z]{2,8}://|www\.)[^\s，。；：！？、（）《》「」“”]++",
    re.M,
)


@cache
def name_finder() -> Callable[[str], Iterator[Span]]:
    """What finds the names in a text, some of them in one another's place.

    Raises:
        MissingInput: a package is not installed.
    """
    # Their tables take a while, and most who replace personal data leave names as they are.
    from tasks.preprocess.personal_data.chinese_names import chinese_names
    from tasks.preprocess.personal_data.english_names import english_names
    from tasks.preprocess.personal_data.name_lists import name_lists

    lists = name_lists()
    try:
        import rjieba
    except ImportError:
        raise MissingInput(
            "preprocess.personal_data",
            "the package rjieba, which finds the words of Chinese, is not installed",
            'Install it with: pip install "chatwright[names]"',
        ) from None

    def names(text: str) -> Iterator[Span]:
        if any(sign in text for sign in _SIGNS_OF_CODE):
            text = _CODE.sub(lambda code: "\n" * len(code[0]), text)
        yield from english_names(text, lists)
        yield from chinese_names(text, rjieba.tag, rjieba.has_word)

    return names
