"""Which documents, paragraphs and near copies of documents earlier corpora hold.

Of their texts a few numbers are looked at, a shard at a time; only texts that share a MinHash key
with a new one are read, and compared as if they stood first in the corpus.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.executor import Workers
from tasks.kept_results import KeptResults
from tasks.params import PreprocessParams
from tasks.preprocess.cleaning import DIGEST_BYTES
from tasks.preprocess.digests import Digests, digests_in
from tasks.preprocess.earlier_corpora import EarlierCorpus
from tasks.preprocess.earlier_shards import DIGESTS, KEYS, PARAGRAPHS, EarlierShards, Shard
from tasks.preprocess.keys_aside import KeysAside
from tasks.preprocess.layers.fingerprints import hashed
from tasks.preprocess.near_duplicates import Keys
from tasks.preprocess.word_hashes import Places
from tasks.progress import Progress
from tasks.texts_aside import TextsAside

NOWHERE = -1


class EarlierTexts:
    """All texts of some earlier corpora, or of none.

    Args:
        corpora: the first that holds a text is the one that is named.
        kept: where what is made of them is kept.
        params: what will be compared.

    Raises:
        BadInput, MissingInput: a shard cannot be read.
    """

    def __init__(
        self, corpora: Sequence[EarlierCorpus], kept: KeptResults, params: PreprocessParams
    ) -> None:
        self.corpora = corpora
        self._files = EarlierShards(corpora, kept, params)

    @property
    def text_bytes(self) -> int:
        """Of all texts, unpacked."""
        return self._files.text_bytes

    def make(self, workers: Workers, progress: Progress) -> None:
        """Make what is not kept yet; before anything is asked."""
        self._files.make(workers, progress)

    def documents(self, corpus: int) -> int:
        """How many documents one of the corpora has."""
        shards = (shard for shard in self._files.shards if shard.corpus == corpus)
        return sum(self._files.read(shard, DIGESTS).num_rows for shard in shards)

    def content(self, corpus: int) -> str:
        """A hash of all shards of one of the corpora."""
        return hashed(*(shard.md5 for shard in self._files.shards if shard.corpus == corpus))

    def holders(self, digests: Digests) -> NDArray[np.int32]:
        """The place of the corpus that holds each of these texts, or ``NOWHERE``."""
        return self._holders(DIGESTS, digests)

    def hold_paragraphs(self, hashes: Digests) -> NDArray[np.bool_]:
        """Whether each of these paragraphs stands in one of the corpora."""
        return self._holders(PARAGRAPHS, hashes) != NOWHERE

    def _holders(self, layer: str, hashes: Digests) -> NDArray[np.int32]:
        sought, inverse = np.unique(hashes, return_inverse=True)
        holders = np.full(len(sought), NOWHERE, np.int32)
        for shard in self._files.shards:
            theirs = digests_in(self._files.read(shard, layer)["hash"])
            found = np.unique(_places_in(sought, theirs)[1])
            holders[found[holders[found] == NOWHERE]] = shard.corpus
        return holders[inverse]

    def none(self) -> "Like":
        """No document of them."""
        return Like(self._files, [np.zeros(0, np.int64)] * len(self._files.shards))

    def like(self, keys: Keys) -> "Like":
        """The documents that have a key in common with one of these."""
        shares = [
            np.zeros(self._files.read(shard, DIGESTS).num_rows, bool)
            for shard in self._files.shards
        ]
        for band, of_new in enumerate(keys.keys):
            sought = np.unique(of_new[keys.has_words])
            for shard, flags in zip(self._files.shards, shares, strict=True):
                theirs = self._files.read(shard, KEYS, [str(band)])[str(band)].to_numpy()
                flags[_places_in(sought, theirs)[0]] = True
        for shard, flags in zip(self._files.shards, shares, strict=True):
            flags &= self._files.read(shard, KEYS, ["has_words"])["has_words"].to_numpy()
        return Like(self._files, [np.flatnonzero(flags) for flags in shares])


@dataclass(frozen=True)
class Named:
    """A document of an earlier corpus, by the corpus's place and its own id."""

    corpus: int
    id: str


class Like:
    """Documents of earlier corpora that may be almost like new ones; numbered in their order.

    Args:
        files: where they are.
        rows: of each shard.
    """

    def __init__(self, files: EarlierShards, rows: Sequence[Places]) -> None:
        self._files, self._rows = files, rows
        self._starts = np.cumsum([0, *map(len, rows)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def digests(self) -> Digests:
        """The content hash of each."""
        return np.concatenate(
            [
                np.zeros(0, f"S{DIGEST_BYTES}"),
                *(
                    digests_in(self._files.read(shard, DIGESTS)["hash"])[rows]
                    for shard, rows, _ in self._parts()
                ),
            ]
        )

    def put_keys(self, keys: KeysAside) -> None:
        """Their keys, under their numbers."""
        for shard, rows, start in self._parts():
            keys.put(slice(start, start + len(rows)), self._files.read(shard, KEYS), rows)

    def put_texts(self, texts: TextsAside) -> None:
        """Their texts, under their numbers."""
        for shard, rows, start in self._parts():
            for these, table in shard.file.batches_at(rows, ["text"]):
                texts.put(start + np.searchsorted(rows, these), table["text"])

    def named(self, numbers: Places) -> dict[int, Named]:
        """Some of them by their numbers."""
        found = {}
        for shard, rows, start in self._parts():
            here = numbers[(numbers >= start) & (numbers < start + len(rows))]
            at = rows[here - start].tolist()
            ids = shard.file.rows_at(at, ["id"]) if at else {}
            for number, row in zip(here.tolist(), at, strict=True):
                found[number] = Named(shard.corpus, str(ids[row]["id"]))
        return found

    def _parts(self) -> Iterator[tuple[Shard, Places, int]]:
        parts = zip(self._files.shards, self._rows, self._starts[:-1].tolist(), strict=True)
        return ((shard, rows, start) for shard, rows, start in parts if len(rows))


def _places_in(sought: NDArray[Any], theirs: NDArray[Any]) -> tuple[Places, Places]:
    """Which of ``theirs`` are among those sought, and where in these, which are sorted."""
    if not len(sought):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = np.minimum(np.searchsorted(sought, theirs), len(sought) - 1)
    here = np.flatnonzero(sought[place] == theirs)
    return here, place[here]
