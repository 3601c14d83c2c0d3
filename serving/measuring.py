"""Measuring how well documents answer a question: the features that ``ranking`` weighs.

The postings of a question's words are added up over all passages, group by group: within a group
(a word and its synonyms) the best alternative counts, so that a text gains nothing by saying one
thing in three ways. The best passages and those whose name the question mentions are then measured
one by one.
"""

from dataclasses import dataclass

import numpy as np

from serving.analysis import Question
from serving.passage_store import FIELD_BITS, PassageStore
from serving.ranking import FEATURES

HEAD = FIELD_BITS["name"] | FIELD_BITS["scope"] | FIELD_BITS["summary"]
PART_BITS = {
    "in_name": FIELD_BITS["name"],
    "in_scope": FIELD_BITS["scope"],
    "in_summary": FIELD_BITS["summary"],
    "head": HEAD,
    "covered": HEAD | FIELD_BITS["body"],
}
NEAR = 3  # words of a summary within which two words of a question count as side by side
CANDIDATES = 150


@dataclass(frozen=True)
class Measured:
    """The candidates for a question, with their features.

    Attributes:
        passages: int array (candidates,), numbers of passages.
        features: float array (candidates, len(FEATURES)).
        unknown: share of the question's content that the corpus has no word for.
        unknown_name: the question writes out a dotted name that no document has.
    """

    passages: np.ndarray
    features: np.ndarray
    unknown: float
    unknown_name: bool


def measure(store: PassageStore, question: Question) -> Measured:
    """The candidates for a question and how they measure up."""
    match = np.zeros(store.passages, np.float32)
    same_words = np.zeros(store.passages, np.float32)
    parts = {part: np.zeros(store.passages, np.float32) for part in PART_BITS}
    asked: dict[int, float] = {}  # number of a term -> how well the question asks for it
    places: dict[int, int] = {}  # number of a term -> the place of its group in the question
    total = unknown = 0.0
    for place, group in enumerate(question.groups):
        rarity, known = store.rarity(group)
        content = group.weight * rarity
        total += content
        if not known:
            unknown += content
            continue
        best = np.zeros(store.passages, np.float32)
        exact = np.zeros(store.passages, np.float32)
        seen = {part: np.zeros(store.passages, np.float32) for part in PART_BITS}
        for term, weight in group.alternatives.items():
            if term not in store.vocabulary:
                continue
            number = store.vocabulary[term]
            rows, values, fields, own = store.rows(number)
            if weight > asked.get(number, 0.0):
                asked[number], places[number] = weight, place
            if weight == 1:
                said = np.where((fields & HEAD) > 0, 1.0, store.in_page[rows])
                exact[rows] = np.maximum(exact[rows], said)
            best[rows] = np.maximum(best[rows], weight * min(own, rarity) * values)
            for part, bits in PART_BITS.items():
                inside = rows[(fields & bits) > 0]
                seen[part][inside] = np.maximum(seen[part][inside], weight)
        match += group.weight * best
        same_words += content * exact
        for part in PART_BITS:
            parts[part] += content * seen[part]
    total = max(total, 1e-6)
    named, unknown_name = _named(store, question)
    promise = match + 0.5 * parts["head"] + 0.1 * total * store.uses
    count = min(CANDIDATES, store.passages)
    best_ones = np.argpartition(-promise, count - 1)[:count]
    chosen = np.unique(
        np.concatenate([best_ones[match[best_ones] > 0], np.array(list(named), np.int64)])
    )
    columns = {name: np.zeros(len(chosen)) for name in FEATURES}
    columns["match"] = match[chosen] / total
    columns["same_words"] = same_words[chosen] / total
    for part in PART_BITS:
        columns[part] = parts[part][chosen] / total
    columns["head"] = np.maximum(columns["head"], columns["covered"] * store.in_page[chosen])
    columns["name_words"] = _share(store, "names", chosen, asked)
    columns["summary_words"] = _share(store, "heads", chosen, asked)
    columns["uses"] = store.uses[chosen]
    columns["owner_uses"] = store.owner_uses[chosen]
    columns["root_uses"] = store.root_uses[chosen]
    for at, passage in enumerate(chosen.tolist()):
        for feature in named.get(passage, ()):
            columns[feature][at] = 1.0
        kind = store.kinds[passage]
        if kind in columns:
            columns[kind][at] = 1.0
        columns["kind_asked"][at] = kind in question.kinds
        columns["depth"][at] = max(store.titles[passage].count(".") - 1, 0)
        columns["opens"][at], columns["in_order"][at] = _order(store, passage, asked, places)
    features = np.stack([columns[name] for name in FEATURES], axis=1)
    return Measured(chosen, features, unknown / total, unknown_name)


def _named(store: PassageStore, question: Question) -> tuple[dict[int, set[str]], bool]:
    """Passages whose name a question mentions -> how; and whether it writes an unknown name."""
    named: dict[int, set[str]] = {}
    unknown_name = False
    for name in question.names:
        if name.inside and name.inside in store.names:
            continue
        found = store.names.get(name.text.lower(), [])
        if name.dotted and not name.inside and not found:
            unknown_name = True
        for passage, title in found:
            features = named.setdefault(passage, set())
            whole = title.lower() == name.text.lower()
            if name.components > 1:
                features.add("full_name" if whole else "long_name")
            else:
                features.add("strong_name" if name.strong else "weak_name")
                if name.strong and (whole or " " in title):
                    features.add("full_name")
            if title.endswith(name.text):
                features.add("same_case")
    return named, unknown_name


def _share(
    store: PassageStore, lists: str, passages: np.ndarray, asked: dict[int, float]
) -> np.ndarray:
    """The share of each passage's listed terms, by rarity, that a question asks for."""
    starts, numbers = store.arrays[f"{lists}_start"], store.arrays[f"{lists}_term"]
    rarity = store.arrays["rarity"]
    weights = np.zeros(len(store.vocabulary), np.float32)
    if asked:
        weights[list(asked)] = list(asked.values())
    lengths = starts[passages + 1] - starts[passages]
    owner = np.repeat(np.arange(len(passages)), lengths)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    own = numbers[np.repeat(starts[passages], lengths) + offset]
    whole = np.bincount(owner, rarity[own], len(passages))
    given = np.bincount(owner, rarity[own] * weights[own], len(passages))
    return given / np.maximum(whole, 1e-6)


def _order(
    store: PassageStore, passage: int, asked: dict[int, float], places: dict[int, int]
) -> tuple[float, float]:
    """Whether a summary opens with a word of the question, and the share of the question's
    neighbours that are neighbours there too, in the same order."""
    starts, numbers = store.arrays["heads_start"], store.arrays["heads_term"]
    own = numbers[starts[passage] : starts[passage + 1]].tolist()
    opens = asked.get(own[0], 0.0) if own else 0.0
    last = max(places.values(), default=0)
    if last == 0:
        return opens, 0.0
    where = [(at, places[number]) for at, number in enumerate(own) if number in places]
    together = {
        place
        for index, (at, place) in enumerate(where)
        for other, next_place in where[index + 1 : index + 1 + NEAR]
        if next_place == place + 1 and other - at <= NEAR
    }
    return opens, len(together) / last
