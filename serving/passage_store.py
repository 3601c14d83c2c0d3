"""The passages of a corpus and its search arrays, as they stand on disk and in memory.

``tasks/index.py`` writes them: Parquet for passages and terms, plain arrays for the postings (for
each term the passages that have it: compressed sparse rows), one small JSON file. Loading takes
well under a second, because nothing is worked out that could be stored.
"""

import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chatwright.errors import BadInput, MissingInput
from serving.analysis import Group
from serving.names import KINDS
from serving.passages import Passage

FORMAT = 1
FIELD_BITS = {"name": 1, "scope": 2, "summary": 4, "body": 8}
PAGE_SHARE = 0.9  # how much of a summary the body of a page is, where nobody gave a kind
PASSAGE_SCHEMA = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("signature", pa.string()),
        pa.field("aliases", pa.list_(pa.string()), nullable=False),
        pa.field("uses", pa.int32(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
REBUILD = "Build the index again: chatwright run"


class PassageStore:
    """A corpus that can be searched; see ``load``.

    Args:
        passages: table of ``PASSAGE_SCHEMA``.
        vocabulary: term -> its number.
        arrays: the arrays that ``tasks/index.py`` writes, by the name of their file.
        config: what config.json holds.
        small_talk: rows of lang, category, prompt and answer.
    """

    def __init__(
        self,
        passages: pa.Table,
        vocabulary: dict[str, int],
        arrays: dict[str, np.ndarray],
        config: dict[str, Any],
        small_talk: list[dict[str, str]],
    ) -> None:
        self.vocabulary = vocabulary
        self.arrays = arrays
        self.min_score = float(config["min_score"])
        self.small_talk = small_talk
        self._texts = passages["text"]
        self._signatures = passages["signature"]
        self.ids: list[str] = passages["document_id"].to_pylist()
        self.titles: list[str] = passages["title"].to_pylist()
        self._urls: list[str | None] = passages["url"].to_pylist()
        self.kinds: list[str] = passages["kind"].to_pylist()
        # A thing with a kind says in title and summary what it is for; a page may in any paragraph.
        self.in_page = np.array([0.0 if kind else PAGE_SHARE for kind in self.kinds], np.float32)
        self._aliases: list[list[str]] = passages["aliases"].to_pylist()
        self.numbers = np.array(passages["number"].to_pylist(), np.int32)
        uses = np.log1p(np.maximum(passages["uses"].to_pylist(), 0))
        self.uses = uses / max(float(uses.max(initial=0.0)), 1.0)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an index.

        Raises:
            MissingInput: there is no index in the folder.
            BadInput: a file is corrupt or was written by another version.
        """
        config_path = folder / "config.json"
        if not config_path.is_file():
            raise MissingInput(str(folder), "there is no search index", REBUILD)
        try:
            config: dict[str, Any] = json.loads(config_path.read_text(encoding="utf-8"))
            if config["format"] != FORMAT:
                raise BadInput(str(folder), "was written by another version", REBUILD)
            # Not pq.read_table, which imports pandas: that alone takes a second.
            passages, terms_table, small_talk = (
                pq.ParquetFile(folder / f"{name}.parquet").read()
                for name in ("passages", "terms", "small_talk")
            )
            terms_column = terms_table["term"].to_pylist()
            return cls(
                passages.select(PASSAGE_SCHEMA.names).cast(PASSAGE_SCHEMA),
                {term: number for number, term in enumerate(terms_column)},
                {path.stem: np.load(path, allow_pickle=False) for path in folder.glob("*.npy")},
                config,
                small_talk.to_pylist(),
            )
        except (pa.ArrowException, ValueError, KeyError, OSError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise BadInput(str(folder), f"cannot be read: {reason}", REBUILD) from None

    @cached_property
    def names(self) -> dict[str, list[tuple[int, str]]]:
        """End of a title or alias, lower case -> who has it: first passage and whole title."""
        names: dict[str, dict[int, str]] = {}
        for passage in np.flatnonzero(self.numbers == 0).tolist():
            for title in [self.titles[passage], *self._aliases[passage]]:
                for name in self._ends(title):
                    names.setdefault(name, {}).setdefault(passage, title)
        return {name: list(found.items()) for name, found in names.items()}

    def _uses_of(self, titles: list[str]) -> np.ndarray:
        by_title = dict(zip(self.titles, self.uses.tolist(), strict=True))
        return np.array([by_title.get(title, 0.0) for title in titles])

    @cached_property
    def owner_uses(self) -> np.ndarray:
        """How much what stands before a title's last dot is used: os.path of os.path.join."""
        return self._uses_of([title.rpartition(".")[0] for title in self.titles])

    @cached_property
    def root_uses(self) -> np.ndarray:
        """How much a title's first component is used (``os`` of ``os.path.join``)."""
        return self._uses_of([title.partition(".")[0] for title in self.titles])

    @staticmethod
    def _ends(title: str) -> list[str]:
        """``os.path.split`` -> itself, ``path.split``, ``split``; "The with statement" -> with."""
        lower = title.lower().strip()
        words = lower.removeprefix("the ").split()
        if len(words) == 2 and words[1] in KINDS:
            return [words[0]]
        if len(words) > 1:
            return []
        parts = lower.split(".")
        return [".".join(parts[at:]) for at in range(len(parts))]

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return len(self.ids)

    def passage(self, number: int) -> Passage:
        """One passage, by its number in the index."""
        return Passage(
            self.ids[number],
            self.titles[number],
            self._urls[number],
            self._texts[number].as_py(),
            self.kinds[number],
            self._signatures[number].as_py(),
            int(self.numbers[number]),
        )

    def rows(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Passages that have a term, its weight and fields in each, and the term's rarity."""
        start, end = self.arrays["postings_start"][number : number + 2]
        return (
            self.arrays["postings_passage"][start:end],
            self.arrays["postings_weight"][start:end],
            self.arrays["postings_fields"][start:end],
            float(self.arrays["rarity"][number]),
        )

    def rarity(self, group: Group) -> tuple[float, bool]:
        """How rare what a group asks for is in this corpus, and whether it is known at all."""
        known = {t: weight for t, weight in group.alternatives.items() if t in self.vocabulary}
        if not known:
            return math.log(1 + 2 * self.passages), False
        best = max(known.values())
        own = [self.vocabulary[term] for term, weight in known.items() if weight == best]
        return float(self.arrays["rarity"][own].min()), True
