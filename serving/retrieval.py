"""Finding the documents that answer a question.

``Index.search`` analyses the question (``analysis``), measures the candidates among the passages
(``measuring``), orders them and says how likely each fits (``ranking``), and picks the words to
quote (``passages``). There is one hit a document: its best passage.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from serving.analysis import Question, analyse, terms
from serving.measuring import measure
from serving.passage_store import PassageStore
from serving.passages import Passage, quote
from serving.ranking import ranks, score


@dataclass(frozen=True)
class Hit:
    """A document that may answer a question.

    Attributes:
        passage: its best passage.
        score: the probability that it fits, 0 to 1.
        quote: the part of the passage that answers best.
    """

    passage: Passage
    score: float
    quote: str


class Index:
    """A search index; see ``load``.

    Attributes:
        store: the passages.
        min_score: the score below which a document does not count as fitting.
        small_talk: known exchanges: rows of lang, category, prompt and answer.
    """

    def __init__(self, store: PassageStore) -> None:
        self.store = store
        self.min_score = store.min_score
        self.small_talk = store.small_talk

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an index that ``tasks/index.py`` wrote.

        Raises:
            MissingInput, BadInput: see ``PassageStore.load``.
        """
        return cls(PassageStore.load(folder))

    def search(self, question: str, k: int = 5) -> list[Hit]:
        """The ``k`` documents that answer a question best, the best first.

        All are given a score; which of them fit (``min_score``) is the caller's to say.
        """
        asked = analyse(question)
        relevance = self._relevance(asked)
        measured = measure(self.store, asked)
        order = np.lexsort((measured.passages, -ranks(measured.features)))
        hits: dict[str, Hit] = {}
        for at in order.tolist():
            number = int(measured.passages[at])
            if self.store.ids[number] in hits:
                continue
            passage = self.store.passage(number)
            fits = score(measured.features[at], measured.unknown, measured.unknown_name)
            hits[passage.document_id] = Hit(passage, fits, quote(passage, relevance))
            if len(hits) == k:
                break
        return list(hits.values())

    def _relevance(self, question: Question) -> Callable[[str], float]:
        """A function that says how much of a question's content a paragraph has."""

        def relevance(paragraph: str) -> float:
            found = set(terms(paragraph))
            return sum(
                group.weight
                * self.store.rarity(group)[0]
                * max((w for term, w in group.alternatives.items() if term in found), default=0.0)
                for group in question.groups
            )

        return relevance
