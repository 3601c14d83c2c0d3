"""Which of the repairs and replacements a text goes through, as the parameters say, in their order.

Wrong encodings first, since ``clean`` takes away what shows them; personal data last, since
numbers are found more surely in clean text.
"""

from collections import Counter
from collections.abc import Callable

from tasks.params import PreprocessParams
from tasks.preprocess.chinese import simplifier, with_sane_widths
from tasks.preprocess.cleaning import clean
from tasks.preprocess.mojibake import without_mojibake
from tasks.preprocess.personal_data.replacing import without_personal_data
from tasks.preprocess.personal_data.spans import Kind

CHINESE = "zh"


class Form:
    """The form that texts are brought into; it counts the personal data that it replaced.

    Args:
        params: which repairs are wanted and which kinds of personal data go.

    Raises:
        MissingInput: simplified characters are wanted and OpenCC is not installed.
    """

    def __init__(self, params: PreprocessParams) -> None:
        self._repair = params.repair_mojibake
        self._widths = params.normalize_widths
        self._simplified: Callable[[str], str] | None = (
            simplifier() if params.simplify_chinese else None
        )
        self._kinds: list[Kind] = params.personal_data
        self._replaced: Counter[tuple[str, str, Kind]] = Counter()

    def of(self, text: str, *, lang: str, source: str) -> str:
        """A text in this form; ``lang`` says whether characters are to be simplified."""
        if self._repair:
            text = without_mojibake(text)
        text = clean(text)
        if self._widths:
            text = clean(with_sane_widths(text))  # a wide space may now end a line
        if self._simplified and lang.split("-")[0] == CHINESE:
            text = self._simplified(text)
        if self._kinds:
            text, counts = without_personal_data(text, self._kinds)
            for kind, number in counts.items():
                self._replaced[source, lang, kind] += number
        return text

    @property
    def replaced(self) -> dict[str, dict[str, dict[str, int]]]:
        """How much personal data was replaced: by source, then language, then kind, sorted."""
        tree: dict[str, dict[str, dict[str, int]]] = {}
        for (source, lang, kind), number in sorted(self._replaced.items()):
            tree.setdefault(source, {}).setdefault(lang, {})[kind] = number
        return tree
