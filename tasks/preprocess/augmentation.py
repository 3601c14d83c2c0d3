"""More of a small labelled set: copies of its training texts with some words changed.

EDA's four changes (word_changes.py), each copy with one of them, in turn, and back-translation by a
function of the user's.

Notable choices: EDA took synonyms from WordNet. Here they come from a file of the user's, if one is
named; else a word is replaced by one from the texts with the same label, drawn by how often it
stands there (unigram noise, Xie et al. 2017, "Data noising as smoothing", within a class). So
what is put in does not speak for another label, as a neighbour in meaning may ("good", "bad"); but
it is no synonym, and the text may lose its sense. Each copy's choices follow from the seed, its id
and its text alone, so that the order of the texts does not matter.

Only training texts are copied: those whose file says so, and of a file that says nothing, those
whose hash puts them there, as it does documents; none that also stands in validation or test.
Pairs of texts are left alone, since what makes them a pair is in the very words.
"""

import hashlib
import importlib
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from random import Random

from pydantic import BaseModel

from chatwright.errors import BadInput, BadParameter, MissingInput
from tasks.ingest.language import primary
from tasks.labelled import LabelledText, read_labelled_texts, write_labelled_texts
from tasks.params import AugmentParams, PreprocessParams
from tasks.preprocess.cleaning import content_hash
from tasks.preprocess.splits import split_of
from tasks.preprocess.word_changes import WITHOUT_SPACES, Words, is_chinese, segmenter

Translate = Callable[[list[str], str], Sequence[str]]
"""Texts and their language to the texts translated there and back, one for each."""

TRANSLATED_AT_ONCE = 32


class AugmentReport(BaseModel):
    """Copies by change; and, by the reason, texts that none was made of."""

    copies: dict[str, int]
    left_alone: dict[str, int]


def augment(labelled: Path, out: Path, params: PreprocessParams) -> AugmentReport | None:
    """Write copies of the labelled training texts, as ``ingest`` writes the texts themselves.

    Args:
        labelled: the folder that ingest wrote.
        out: gets no rows where ``params.augment`` is null.

    Returns:
        Counts; None where nothing was to be made.

    Raises:
        BadInput, BadParameter, MissingInput: the texts, the file of synonyms or the function that
            translates cannot be used, or it fails; a package is missing.
    """
    if params.augment is None:
        write_labelled_texts([], out, shard_rows=params.shard_documents)
        return None
    made, report = augmented(list(read_labelled_texts(labelled)), params, params.augment)
    write_labelled_texts(made, out, shard_rows=params.shard_documents)
    return report


def augmented(
    texts: Sequence[LabelledText], params: PreprocessParams, choices: AugmentParams
) -> tuple[list[LabelledText], AugmentReport]:
    """The copies, by id; errors as ``augment``."""
    synonyms = None if choices.synonyms is None else read_synonyms(Path(choices.synonyms))
    translate = None if choices.translate is None else translator(choices.translate)
    held_out = {content_hash(t.text) for t in texts if split(t, params) != "train"}
    copied: list[LabelledText] = []
    left_alone: Counter[str] = Counter()
    for text in sorted(texts, key=lambda each: each.id):
        reason = reason_against(text, params, held_out)
        if reason is None:
            copied.append(text)
        else:
            left_alone[reason] += 1
    cut = segmenter() if any(is_chinese(text.text) for text in copied) else None
    words = {text.id: Words.of(text.text, cut) for text in copied}
    drawn = {
        label: Draw(word for text in copied if text.label == label for word in words[text.id].words)
        for label in {text.label for text in copied}
    }
    copies: Counter[str] = Counter()
    made: list[LabelledText] = []

    def add(text: LabelledText, change: str, number: int, new: str) -> None:
        # A copy that says what is there already teaches nothing.
        if new.strip() and content_hash(new) not in held_out and new not in seen[text.id]:
            seen[text.id].add(new)
            copies[change] += 1
            made.append(replace(text, id=f"{text.id}+{change}{number}", text=new, split="train"))

    seen: dict[str, set[str]] = defaultdict(set)
    for text in copied:
        seen[text.id].add(text.text)
        for number, change in enumerate(changes(choices)):
            random = random_of(choices.seed, text, number)
            other = drawn[text.label].other(random) if synonyms is None else synonyms.other(random)
            add(text, change, number, changed(words[text.id], change, choices, random, other))
    if translate is not None:
        for text, new in translated(copied, translate, choices):
            add(text, "translate", 0, new)
    return sorted(made, key=lambda each: each.id), AugmentReport(
        copies=dict(sorted(copies.items())), left_alone=dict(sorted(left_alone.items()))
    )


def split(text: LabelledText, params: PreprocessParams) -> str:
    """The split of a text: what its file says, else what its hash does."""
    return text.split or split_of(content_hash(text.text), params)


def reason_against(
    text: LabelledText, params: PreprocessParams, held_out: set[bytes]
) -> str | None:
    """Why a text is not copied; None where it is."""
    if (place := split(text, params)) != "train":
        return place
    if content_hash(text.text) in held_out:
        return "also in validation or test"
    if text.label is None:
        return "no label"
    if text.text_pair is not None:
        return "a pair"
    if primary(text.lang) in WITHOUT_SPACES:
        return f"language {primary(text.lang)}"
    return None if any(letter.isalnum() for letter in text.text) else "no word"


def changes(choices: AugmentParams) -> list[str]:
    """The change of each copy: those whose rate is above 0, in turn."""
    rates = {name: getattr(choices, name) for name in ("replace", "insert", "swap", "delete")}
    used = [name for name, rate in rates.items() if rate]
    return [used[number % len(used)] for number in range(choices.copies)] if used else []


def changed(
    words: Words, change: str, choices: AugmentParams, random: Random, other: "Other"
) -> str:
    """A text with one change."""
    if change == "replace":
        return str(words.replaced(choices.replace, random, other))
    if change == "insert":
        return str(words.inserted(choices.insert, random, other))
    if change == "swap":
        return str(words.swapped(choices.swap, random))
    return str(words.deleted(choices.delete, random))


def random_of(seed: int, text: LabelledText, number: int) -> Random:
    """The source of all choices for one copy."""
    digest = hashlib.sha256(f"{seed}\0{text.id}\0{text.text}\0{number}".encode()).digest()
    return Random(int.from_bytes(digest[:8], "big"))


Other = Callable[[str], str | None]


class Draw:
    """Words, drawn by how often they stand in some texts."""

    def __init__(self, words: Iterable[str]) -> None:
        counts = sorted(Counter(words).items())
        self._words = [word for word, _ in counts]
        self._upto = list(accumulate(count for _, count in counts))

    def other(self, random: Random) -> Other:
        """Draws a word other than the given one; None where there is but that one."""

        def drawn(word: str) -> str | None:
            for _ in range(8):  # more often than not, the first is another one
                new = self._words[bisect(self._upto, random.randrange(self._upto[-1]))]
                if new != word:
                    return new
            return None

        return drawn


class Synonyms:
    """Words that may stand for one another."""

    def __init__(self, groups: Iterable[Sequence[str]]) -> None:
        self._of: dict[str, list[str]] = defaultdict(list)
        for group in groups:
            for word in group:
                self._of[word] += [new for new in group if new not in (word, *self._of[word])]

    def other(self, random: Random) -> Other:
        """Draws a synonym, in lower case if need be; None where there is none."""

        def drawn(word: str) -> str | None:
            found = self._of.get(word) or self._of.get(word.lower())
            return random.choice(found) if found else None

        return drawn


def read_synonyms(path: Path) -> Synonyms:
    """A file of synonyms: a group a line, between white space; an entry that ends in = names it.

    (As in the Chinese thesaurus Cilin: ``Aa01A01= 人 士 人物``.)
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise MissingInput(
            str(path),
            "there is no such file, and preprocess.augment.synonyms names it",
            "Mend the name",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"cannot be read as UTF-8: {error}".rstrip(".")) from None
    groups = [[word for word in line.split() if not word.endswith("=")] for line in lines]
    if not any(len(group) > 1 for group in groups):
        raise BadInput(
            str(path), "has no line with two words", "Write the words of a group on one line"
        )
    return Synonyms(groups)


def translator(name: str) -> Translate:
    """The function ``module:function``.

    Raises:
        BadParameter: there is none of that name, or its module cannot be imported.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:  # whatever the user's own module may raise
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        raise BadParameter(
            "preprocess.augment.translate", f"{module} cannot be imported: {reason}"
        ) from None
    if not callable(found):
        raise BadParameter("preprocess.augment.translate", f"{module} has no function {function}")
    return found


def translated(
    texts: Sequence[LabelledText], translate: Translate, choices: AugmentParams
) -> Iterable[tuple[LabelledText, str]]:
    """Each text with its translation there and back."""
    by_language: dict[str, list[LabelledText]] = defaultdict(list)
    for text in texts:
        by_language[primary(text.lang)].append(text)
    for lang, some in sorted(by_language.items()):
        for start in range(0, len(some), TRANSLATED_AT_ONCE):
            part = some[start : start + TRANSLATED_AT_ONCE]
            try:
                found = list(translate([text.text for text in part], lang))
            except Exception as error:  # whatever the user's own function may raise
                reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
                raise BadInput(
                    f"preprocess.augment.translate, {choices.translate}",
                    f"failed on {len(part)} text{'s' * (len(part) > 1)} in {lang}: {reason}",
                    "Mend the function, or set preprocess.augment.translate to null",
                ) from error
            if len(found) != len(part) or not all(isinstance(new, str) for new in found):
                raise BadInput(
                    f"preprocess.augment.translate, {choices.translate}",
                    f"{len(part)} texts came back as {len(found)}, or not as texts",
                    "It has to return a text for each, in their order",
                )
            yield from zip(part, found, strict=True)
