"""Steps that take documents out of a corpus, each by a rule that looks at more than one of them.

Each step looks at what the steps before have left, and gives every document that goes a reason.

Evaluation texts go before paragraphs are taken out, which could tear a leak apart, and before near
duplicates: else the one that stays of a cluster could be a leak, and go with all that is like it.
"""

from collections.abc import Sequence

from tasks.params import NearDuplicatesParams
from tasks.preprocess.cleaning import content_hash
from tasks.preprocess.decontamination import Decontamination, EvaluationSetReport
from tasks.preprocess.near_duplicates import clusters
from tasks.preprocess.paragraphs import without_repeated_paragraphs
from tasks.preprocess.quality.classifier import Classifier

NAMING = ("evaluation text", "near duplicate", "classifier")
"""The kinds of reasons that tell more after a colon: what the document is like, or its score."""


class Documents:
    """A corpus in the order of its ids, and why each document goes.

    Args:
        ids: their names.
        texts: their clean texts.
        hashes: the content hash of each text.
        reasons: why a document goes already, for what it is in itself; None where it stays.
        earlier: other forms that a text had before it was what it is; they may be leaks, too.

    Attributes:
        texts: their texts; ``drop_repeated_paragraphs`` shortens them.
        reasons: for each document why it goes, None where it stays.
    """

    def __init__(
        self,
        ids: Sequence[str],
        texts: Sequence[str],
        hashes: Sequence[bytes],
        reasons: Sequence[str | None],
        earlier: Sequence[Sequence[str]],
    ) -> None:
        self.ids, self.texts, self.hashes, self.earlier = ids, list(texts), hashes, earlier
        self.reasons = list(reasons)

    def staying(self) -> list[int]:
        """The places of the documents that no step has dropped so far."""
        return [place for place, reason in enumerate(self.reasons) if reason is None]

    def drop_unlike(self, good: Classifier, min_score: float) -> None:
        """Drop texts that a classifier scores lower than this."""
        staying = self.staying()
        scores = good.scores([self.texts[place] for place in staying])
        for place, score in zip(staying, scores.tolist(), strict=True):
            if score < min_score:
                self.reasons[place] = f"classifier: {score:.3f}"

    def drop_equal(self) -> None:
        """Drop texts that an earlier document has, white space aside."""
        seen: set[bytes] = set()
        for place in self.staying():
            if self.hashes[place] in seen:
                self.reasons[place] = "duplicate"
            seen.add(self.hashes[place])

    def drop_evaluated(self, decontamination: Decontamination) -> dict[str, EvaluationSetReport]:
        """Drop texts that hold, or held, a piece of an evaluation set; returns what each cost."""
        staying = self.staying()
        leaks = decontamination.leaks([self.texts[place] for place in staying])
        forms = [(at, form) for at, place in enumerate(staying) for form in self.earlier[place]]
        for (at, _), leak in zip(
            forms, decontamination.leaks([form for _, form in forms]), strict=True
        ):
            leaks[at] = leaks[at] or leak
        for place, leak in zip(staying, leaks, strict=True):
            if leak is not None:
                self.reasons[place] = leak.reason
        return decontamination.report(leaks)

    def drop_repeated_paragraphs(self, min_characters: int) -> int:
        """Take out paragraphs that stood before, and drop texts of which too little is left.

        So are those dropped that an earlier document has now, white space aside: its split, which
        the whole text decides, may be another one. A document that goes keeps its whole text.
        Returns how many paragraphs stood before.
        """
        staying = self.staying()
        texts, removed = without_repeated_paragraphs([self.texts[place] for place in staying])
        seen: set[bytes] = set()
        for place, text, count in zip(staying, texts, removed, strict=True):
            digest = content_hash(text) if count else self.hashes[place]
            if count and len(text) < min_characters:
                self.reasons[place] = "repeated paragraphs"
            elif digest in seen:
                self.reasons[place] = "duplicate but for repeated paragraphs"
            else:
                self.texts[place] = text
                seen.add(digest)
        return sum(removed)

    def drop_near_duplicates(self, params: NearDuplicatesParams) -> None:
        """Drop texts that are almost that of an earlier document, which the reason names."""
        staying = self.staying()
        firsts = clusters([self.texts[place] for place in staying], params).tolist()
        for place, first in zip(staying, firsts, strict=True):
            if staying[first] != place:
                self.reasons[place] = f"near duplicate: {self.ids[staying[first]]}"


def kind(reason: str) -> str:
    """What a reason is counted as: without what it names.

    >>> kind("near duplicate: folder/a.txt"), kind("too short")
    ('near duplicate', 'too short')
    """
    return next((each for each in NAMING if reason.startswith(f"{each}: ")), reason)
