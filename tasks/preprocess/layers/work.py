"""The work on one chunk, wherever it is done: the layers that are wanted of those that are given.

The program is part of the rules, so that a worker on another machine, with another version of it,
says so rather than returns what would be kept as ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from tasks.arrow_bytes import from_bytes, to_bytes
from tasks.params import PreprocessParams
from tasks.preprocess.decontamination import Decontamination
from tasks.preprocess.evaluation_sets import EvaluationSet
from tasks.preprocess.forms import Form
from tasks.preprocess.layers.asked import lacking, stays, with_rows
from tasks.preprocess.layers.formed import formed
from tasks.preprocess.layers.keys import keys
from tasks.preprocess.layers.leaks import leaks
from tasks.preprocess.layers.paragraphs import paragraphs, shortened
from tasks.preprocess.layers.rows import rows
from tasks.preprocess.layers.scores import scores
from tasks.preprocess.layers.worth import worth
from tasks.preprocess.quality.classifier import Classifier
from tasks.preprocess.word_hashes import Places
from tasks.same_program import must_be_the_same

Layers = dict[str, bytes]


@dataclass(frozen=True)
class Rules:
    """What decides the layers of every chunk.

    Attributes:
        params: the stage's.
        classifier: what it has learnt, if there is one.
        evaluation_sets: in all of their forms.
        name: that no other rules have.
        program: of this module.
    """

    params: PreprocessParams
    classifier: Classifier | None
    evaluation_sets: Sequence[EvaluationSet]
    name: str
    program: str


@dataclass(frozen=True)
class Piece:
    """A chunk to work on.

    Attributes:
        number: of the chunk.
        rules: what decides.
        given: layers that are there, the documents as they came among them (``raw``).
        wanted: the layers to make, or to add to, each after those that it builds on.
    """

    number: int
    rules: Rules
    given: Layers
    wanted: Sequence[str]


def work(piece: Piece) -> tuple[int, Layers]:
    """The number of the chunk, and the layers that were made or that more was added to."""
    ready = _ready(piece.rules)
    given = {name: from_bytes(content) for name, content in piece.given.items()}
    chunk = _Chunk(dict(given))
    for name in piece.wanted:
        chunk.make(name, ready)
    return piece.number, {
        name: to_bytes(table)
        for name, table in chunk.layers.items()
        if table is not given.get(name)
    }


class _Ready:
    """Rules with what takes a while to make of them, once for many chunks."""

    def __init__(self, rules: Rules) -> None:
        must_be_the_same(__name__, rules.program)
        self.rules = rules

    @cached_property
    def form(self) -> Form:
        return Form(self.rules.params)

    @cached_property
    def decontamination(self) -> Decontamination:
        return Decontamination(self.rules.evaluation_sets)


_last: dict[str, _Ready] = {}


def _ready(rules: Rules) -> _Ready:
    ready = _last.get(rules.name)
    if ready is None:  # two threads of a cluster's worker may both see that
        ready = _Ready(rules)
        _last.clear()
        _last[rules.name] = ready
    return ready


class _Chunk:
    """The layers of a chunk, and its texts as these say."""

    def __init__(self, layers: dict[str, pa.Table]) -> None:
        self.layers = layers

    def make(self, name: str, ready: _Ready) -> None:
        """One layer, of those that are there, or what it lacks; and what was found out with it."""
        params = ready.rules.params
        if name == "rows":
            self.layers[name] = rows(self.layers["raw"])
        elif name == "formed":
            self.layers[name] = formed(self.layers["raw"], ready.form)
        elif name == "worth":
            self.layers |= worth(self.layers, params)
        elif name == "shortened":
            flags = self.layers["repeated"]["these"].to_pylist()
            self.layers[name] = shortened(self.whole_texts, flags)
        else:
            self._ask(name, ready)

    def _ask(self, name: str, ready: _Ready) -> None:
        asked = self.layers.get(name)
        places = lacking(asked, stays(self.layers["worth"]))
        if len(places) or asked is None:
            count = self.layers["formed"].num_rows
            self.layers[name] = with_rows(asked, count, places, self._answers(name, places, ready))

    def _answers(self, name: str, places: Places, ready: _Ready) -> pa.Table:
        texts = self.final_texts if name == "keys" else self.whole_texts
        these = [texts[place] for place in places]
        params, classifier = ready.rules.params, ready.rules.classifier
        if name == "paragraphs":
            return paragraphs(these)
        if name == "leaks":
            forms = self.earlier_forms
            return leaks(these, [forms[place] for place in places], ready.decontamination)
        if name == "scores" and classifier is not None:
            return scores(these, classifier)
        if name == "keys" and params.near_duplicates is not None:
            return keys(these, params.near_duplicates)
        raise ValueError(f"there is no layer {name}")

    @property
    def whole_texts(self) -> list[str]:
        return whole_texts(self.layers["formed"], self.layers["worth"]).to_pylist()

    @property
    def final_texts(self) -> list[str]:
        return final_texts(
            self.layers["formed"], self.layers["worth"], self.layers.get("shortened")
        ).to_pylist()

    @property
    def earlier_forms(self) -> list[list[str]]:
        """The forms that each text had before it was what stays of it."""
        formed = self.layers["formed"]
        cut = self.layers["worth"]["text"].is_valid().to_pylist()
        columns = (formed["text"].to_pylist(), formed["earlier"].to_pylist(), cut)
        return [
            [text, *earlier] if is_cut else earlier
            for text, earlier, is_cut in zip(*columns, strict=True)
        ]


def whole_texts(formed: pa.Table, worth: pa.Table) -> pa.ChunkedArray:
    """The texts without what filters took out of them."""
    return pa.compute.coalesce(worth["text"], formed["text"])


def final_texts(formed: pa.Table, worth: pa.Table, shortened: pa.Table | None) -> pa.ChunkedArray:
    """The texts without the paragraphs that stood before, either."""
    whole = whole_texts(formed, worth)
    return whole if shortened is None else pa.compute.coalesce(shortened["text"], whole)
