"""Small talk: recognised by the prompts of known dialogues, so that "hello" is not looked up.

Two sources: a few greetings that every assistant should know (``serving/data/small_talk.json``)
and the dialogues of the corpus. A message is compared with their first messages by the cosine of
their words (characters and pairs of them in Chinese), each weighted by how rare it is among the
prompts.
"""

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from serving.analysis import pairs
from serving.words import HAN_RUN

BASICS = Path(__file__).parent / "data" / "small_talk.json"
TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Talk:
    """A known exchange.

    Attributes:
        prompt, answer: what was said, and what to.
        about: its category; "identity" where it is about who answers.
        basic: one of those that every assistant knows.
    """

    prompt: str
    answer: str
    about: str
    basic: bool = False


def words(text: str) -> Counter[str]:
    """The words of a message, function words included; of Chinese, characters and pairs."""
    found: Counter[str] = Counter()
    for token in TOKEN.findall(text.lower().replace("’", "'").replace("'s", " is")):
        if HAN_RUN.search(token):
            found.update(token)
            found.update(pair for pair in pairs(token) if len(pair) > 1)
        else:
            found[token] += 1
    return found


class SmallTalk:
    """The exchanges that an assistant knows.

    Args:
        dialogues: rows with prompt, answer and category, as ``Index.small_talk`` has them.
    """

    def __init__(self, dialogues: list[dict[str, str]]) -> None:
        basics = json.loads(BASICS.read_text(encoding="utf-8"))
        self.talks = [
            Talk(prompt, one["answer"], one["about"], True)
            for one in basics
            for prompt in one["prompts"]
        ] + [Talk(row["prompt"], row["answer"], row["category"]) for row in dialogues]
        counted = [words(talk.prompt) for talk in self.talks]
        documents = Counter(word for one in counted for word in one)
        self._rarity = {
            word: math.log(1 + len(counted) / count) for word, count in documents.items()
        }
        self._unknown = math.log(1 + 2 * len(counted))
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, one in enumerate(counted):
            length = self._length(one)
            for word, count in one.items():
                self._postings[word].append((number, count * self._rarity[word] / length))

    def _length(self, counted: Counter[str]) -> float:
        weights = (n * self._rarity.get(word, self._unknown) for word, n in counted.items())
        return math.sqrt(sum(weight**2 for weight in weights)) or 1.0

    def nearest(self, message: str) -> tuple[Talk | None, float]:
        """The known exchange whose prompt is most like a message, and how like: 0 to 1.

        Of equals the first is taken, so what every assistant knows goes before the dialogues.
        """
        asked = words(message)
        length = self._length(asked)
        likeness: dict[int, float] = defaultdict(float)
        for word, count in asked.items():
            for number, share in self._postings.get(word, ()):
                likeness[number] += count * self._rarity[word] * share / length
        if not likeness:
            return None, 0.0
        best = max(likeness, key=lambda number: (round(likeness[number], 6), -number))
        return self.talks[best], min(likeness[best], 1.0)
