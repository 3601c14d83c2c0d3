"""Which of the repairs and replacements a text goes through, as the parameters say, in their order.

Wrong encodings first, since ``clean`` takes away what shows them; personal data last, since
numbers are found more surely in clean text.

A copy of an evaluation text is one whatever is done to it afterwards. So a document is looked
through in every form that it had on its way, for evaluation texts as they came and as repaired.
Of these no personal data is replaced: a list of numbers would become a run of one word.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from tasks.ingest.language import primary
from tasks.params import PreprocessParams
from tasks.preprocess.chinese import simplifier, with_sane_widths
from tasks.preprocess.cleaning import clean
from tasks.preprocess.mojibake import without_mojibake
from tasks.preprocess.personal_data.names import name_finder
from tasks.preprocess.personal_data.replacing import without_personal_data
from tasks.preprocess.personal_data.spans import Kind

CHINESE = "zh"


class Formed(NamedTuple):
    """A text in its form, the other forms that it had on its way, each of them clean, and how much
    personal data of each kind was replaced in it."""

    text: str
    earlier: tuple[str, ...]
    replaced: Counter[Kind]


class Form:
    """The form that texts are brought into.

    Args:
        params: which repairs are wanted and which kinds of personal data go.

    Raises:
        MissingInput: simplified characters or people's names are wanted, and a package for them is
            not installed.
    """

    def __init__(self, params: PreprocessParams) -> None:
        self._repair = params.repair_mojibake
        self._widths = params.normalize_widths
        self._simplified: Callable[[str], str] | None = (
            simplifier() if params.simplify_chinese else None
        )
        self._kinds: list[Kind] = params.personal_data
        if "name" in self._kinds:
            name_finder()  # now, or a missing package came to light in the middle of the work

    def of(self, text: str, *, lang: str) -> Formed:
        """A text in this form; ``lang`` says whether characters are to be simplified."""
        came = clean(text)
        repaired = formed = self._repaired(text, came, chinese=primary(lang) == CHINESE)
        replaced: Counter[Kind] = Counter()
        if self._kinds:
            formed, replaced = without_personal_data(repaired, self._kinds)
        earlier = tuple(dict.fromkeys(t for t in (came, repaired) if t != formed))
        return Formed(formed, earlier, replaced)

    def of_evaluation(self, text: str) -> list[str]:
        """The forms that an evaluation text, of whatever language, is sought in."""
        came = clean(text)
        return list(dict.fromkeys([came, self._repaired(text, came, chinese=True)]))

    def _repaired(self, text: str, came: str, *, chinese: bool) -> str:
        """A text, and the same cleaned already, put right in all but its personal data."""
        repaired = without_mojibake(text) if self._repair else text
        formed = came if repaired == text else clean(repaired)
        if self._widths:
            formed = clean(with_sane_widths(formed))  # a wide space may now end a line
        return self._simplified(formed) if self._simplified and chinese else formed
