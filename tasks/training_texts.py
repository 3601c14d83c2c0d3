"""The texts that a tokenizer learns from and is measured on: of a large corpus, a share.

A document or dialogue is read if a number that a hash of its id gives is below the share; a long
document is drawn by excerpts, so that no single one decides. So what is read depends on nothing but
the ids and the share, and what is not read is not held.

What learning takes is not memory for the text but for its different pieces, about a hundred bytes
for each byte of these (tokenizers 0.23). In 100 MB of English and program code they were 4 MB;
Chinese is cut into pieces at punctuation alone, and of 10 MB they were 9. So pieces are counted
while the texts are read, and if they are too many, the share is lowered until they fit, for all
languages alike, so that each counts as it did.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count, groupby
from pathlib import Path
from typing import Any, NamedTuple, overload

import pyarrow.compute as pc

from model.word_pieces import pieces_of
from tasks.corpus_folder import Folder, here

Texts = Mapping[str, Sequence[str]]
"""Texts by language."""

PIECES_BYTES = 5_000_000
"""So many the different pieces may take where up to ``USUAL_BYTES`` of text are asked for; in
proportion where more is."""

USUAL_BYTES = 100_000_000

LOWERED = 0.8
"""What a share that was too large is multiplied by."""

EXCERPT_CHARACTERS = 50_000


class Utf8(Sequence[str]):
    """Texts as bytes: one sign above U+00FF doubles what Python takes for a text, an emoji takes
    four times as much."""

    def __init__(self, contents: Iterable[bytes] = ()) -> None:
        self.contents = list(contents)

    def __len__(self) -> int:
        return len(self.contents)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Utf8": ...
    def __getitem__(self, place: int | slice) -> "str | Utf8":
        if isinstance(place, slice):
            return Utf8(self.contents[place])
        return self.contents[place].decode()


@dataclass(frozen=True)
class TrainingTexts:
    """What is read.

    Attributes:
        documents: of the training split.
        turns: what is said in the dialogues.
        held_out: documents of the validation split, which are not to be learnt from.
        share: of the bytes of all documents and turns, those of the ones that are here.
    """

    documents: Mapping[str, Utf8]
    turns: Mapping[str, Utf8]
    held_out: Mapping[str, Utf8]
    share: float

    @property
    def learnt_from(self) -> Texts:
        """Documents and turns."""
        found: dict[str, Utf8] = defaultdict(Utf8)
        for kind in (self.documents, self.turns):
            for lang, texts in kind.items():
                found[lang].contents.extend(texts.contents)
        return found


def training_texts(corpus: Path, dialogues: Path, most: int | None) -> TrainingTexts:
    """Read the texts, or a share of them.

    Args:
        corpus: the clean corpus; its folders ``train`` and ``validation`` are read.
        dialogues: conversations.
        most: about so many bytes of documents and turns, fewer where they have too many different
            pieces; None: all, whatever they are. Of what is held out, the same share.

    Raises:
        MissingInput: one of the folders is not there, or has no file.
        BadInput: a file cannot be read; it is named.
    """
    train, held_out, talk = here(corpus / "train"), here(corpus / "validation"), here(dialogues)
    for folder in (train, held_out, talk):
        folder.must_be_there()
    whole = _text_bytes(train) + _turn_bytes(talk)
    sample = _Sample(whole, most)
    for excerpt in chain(_excerpts(train), _turns(talk)):
        sample.add(excerpt)
    taken = sum(len(each.content) for each in sample.taken)
    return TrainingTexts(
        documents=_by_language(each for each in sample.taken if not each.is_turn),
        turns=_by_language(each for each in sample.taken if each.is_turn),
        held_out=_by_language(each for each in _excerpts(held_out) if each.draw < sample.share),
        share=taken / whole if whole else 1.0,
    )


class _Excerpt(NamedTuple):
    """A document or a turn of a dialogue, or so much of a long document as is drawn at once.

    Attributes:
        draw: from 0 to below 1; turns of one dialogue have the same.
        number: of the document or the turn.
    """

    draw: float
    is_turn: bool
    number: int
    lang: str
    content: bytes


class _Sample:
    """Excerpts whose draws are below a share that is lowered until their pieces fit.

    Attributes:
        share: what it is now.
        taken: those that were added and are below it, in that order.
    """

    def __init__(self, whole: int, most: int | None) -> None:
        self.share = 1.0 if most is None else min(1.0, most / max(1, whole))
        self.taken: list[_Excerpt] = []
        self._most = PIECES_BYTES * max(1.0, (most or 0) / USUAL_BYTES)
        # Pieces are never more than the text.
        self._counts = most is not None and whole > self._most
        self._pieces: set[str] = set()
        self._bytes = 0

    def add(self, excerpt: _Excerpt) -> None:
        if excerpt.draw >= self.share:
            return
        self.taken.append(excerpt)
        if not self._counts:
            return
        self._count(excerpt)
        while self._bytes > self._most:
            self.share *= LOWERED
            self.taken = [each for each in self.taken if each.draw < self.share]
            self._pieces, self._bytes = set(), 0
            for each in self.taken:
                self._count(each)

    def _count(self, excerpt: _Excerpt) -> None:
        new = set(pieces_of(excerpt.content.decode())) - self._pieces
        self._pieces |= new
        self._bytes += len("".join(new).encode())


def _excerpts(folder: Folder) -> Iterator[_Excerpt]:
    for number, (name, lang, text) in enumerate(_rows(folder, "text")):
        for start in range(0, max(1, len(text)), EXCERPT_CHARACTERS):
            content = text[start : start + EXCERPT_CHARACTERS].encode()
            draw = _draw(f"{name}#{start}" if start else name)
            yield _Excerpt(draw, False, number, lang, content)


def _turns(folder: Folder) -> Iterator[_Excerpt]:
    number = count()
    for name, lang, messages in _rows(folder, "messages"):
        draw = _draw(name)
        for message in messages:
            yield _Excerpt(draw, True, next(number), lang, message["content"].encode())


def _rows(folder: Folder, column: str) -> Iterator[tuple[str, str, Any]]:
    for table in folder.batches(["id", "lang", column]):
        yield from zip(*(table[name].to_pylist() for name in ("id", "lang", column)), strict=True)


def _draw(name: str) -> float:
    # 53 bits, which a float holds as they are.
    return (int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 11) / 2**53


def _by_language(excerpts: Iterable[_Excerpt]) -> dict[str, Utf8]:
    """The texts, what is taken of each in one."""
    texts: dict[str, Utf8] = defaultdict(Utf8)
    for (_, lang), some in groupby(excerpts, lambda each: (each.number, each.lang)):
        texts[lang].contents.append(b"".join(each.content for each in some))
    return texts


def _text_bytes(folder: Folder) -> int:
    return sum(
        pc.sum(pc.binary_length(table["text"])).as_py() or 0 for table in folder.batches(["text"])
    )


def _turn_bytes(folder: Folder) -> int:
    return sum(
        pc.sum(
            pc.binary_length(pc.struct_field(pc.list_flatten(table["messages"]), "content"))
        ).as_py()
        or 0
        for table in folder.batches(["messages"])
    )
