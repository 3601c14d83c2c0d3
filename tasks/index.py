"""Stage index: the passages of the clean corpus, ready to be searched, and the small talk.

What the served assistant looks things up in. Every document is cut into passages; a passage is
found by four fields, each with its own weight: the last part of its title (``copytree``), the rest
of its title (``shutil``), its summary (first sentence) and its body. The scores of BM25F are worked
out here, once, and stored as one sparse matrix, so that a search only adds rows up.

Notable choices:

- All three splits are indexed: a held-out document is held out of training, not of the library.
- Names are split at dots, underscores and capitals, and also where two words of the corpus stand
  side by side in one (``copytree``, ``getsize``): the corpus's own prose says what a word is.
- Plain arrays (``.npy``, never pickled), Parquet and JSON; the same corpus gives the same bytes.

Reference: Robertson, Zaragoza, Taylor: Simple BM25 extension to multiple weighted fields (2004).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from chatwright.errors import CorpusTooSmall
from serving.analysis import name_parts, terms
from serving.passage_store import FIELD_BITS, FORMAT, PASSAGE_SCHEMA
from serving.passages import cut, summary, without_signature
from serving.words import stem, word_lists
from tasks.documents import Document, read_dialogues, read_documents
from tasks.params import IndexParams
from tasks.progress import Progress, silent

SPLITS = ("train", "validation", "test")
# field -> (weight, how much its length counts); benchmarks/grounding.py shows how they were chosen
FIELDS = {"name": (3.0, 0.3), "scope": (1.2, 0.3), "summary": (2.5, 0.5), "body": (1.0, 0.7)}
SATURATION = 1.2
SHORTEST_WORD_COUNT = 5  # documents that must use a word before a name may be split at it
PROSE_WORD = re.compile(r"(?<![\w.])[a-z]+(?![\w(])", re.ASCII)
PROGRESS_EVERY = 500


class IndexReport(BaseModel):
    """What the index holds: counts."""

    documents: int
    passages: int
    terms: int
    dialogues: int
    bytes: int


def prose_words(documents: Iterable[Document]) -> Counter[str]:
    """How many documents use each lower-case English word in their text."""
    counts: Counter[str] = Counter()
    for document in documents:
        body = without_signature(document.text, document.title)
        counts.update(set(PROSE_WORD.findall(body)))
    return counts


def split_compound(word: str, counts: Counter[str]) -> list[str]:
    """The words that a longer one is made of, or nothing: ``copytree`` -> copy, tree.

    Both parts are words of the corpus, more common than the whole, or stand in the word lists;
    of several ways to split, the one with the most common rarer part is taken.
    """
    short = word_lists().short
    own = counts[word]

    def commonness(part: str) -> int:
        enough = counts[part] >= SHORTEST_WORD_COUNT and len(part) > 2
        return counts[part] + SHORTEST_WORD_COUNT if enough or part in short or part == "is" else 0

    best: tuple[int, list[str]] = (max(own, 1), [])
    for at in range(2, len(word) - 1):
        rarer = min(commonness(word[:at]), commonness(word[at:]))
        if rarer > best[0]:
            best = (rarer, [word[:at], word[at:]])
    return best[1]


def name_terms(name: str, counts: Counter[str]) -> list[str]:
    """The terms of a title or a part of it: the words, the whole, and what they are made of."""
    found: list[str] = []
    parts = name_parts(name)
    whole = name.lower().replace("_", "")
    if len(parts) > 1 and whole.isalnum():
        found += [stem(name.lower()), stem(whole)] if whole != name.lower() else [stem(whole)]
    for part in parts:
        found.append(stem(part))
        if len(part) > 4 and part.isascii():
            found += [stem(piece) for piece in split_compound(part, counts)]
    if not parts or not name.isascii():
        found += terms(name)
    return list(dict.fromkeys(found))


def title_fields(title: str, counts: Counter[str]) -> tuple[list[str], list[str]]:
    """The terms of a title's last component and of what stands before it.

    A title with blanks in it is no dotted name: all of it is its last component.
    """
    if any(character.isspace() for character in title.strip()):
        found = terms(title) + [term for word in title.split() for term in name_terms(word, counts)]
        return list(dict.fromkeys(found)), []
    *scope, last = title.split(".")
    return name_terms(last, counts), [term for part in scope for term in name_terms(part, counts)]


def index(
    clean: Path, dialogues: Path, out: Path, params: IndexParams, *, progress: Progress = silent
) -> IndexReport:
    """Build the search index of a clean corpus.

    Args:
        clean: folder with the splits of the corpus.
        dialogues: folder of dialogues; their first messages become the small talk that the
            assistant recognises.
        out: folder to write, see ``serving.passage_store`` for what it holds.
        params: the longest passage, and the score below which nothing fits.
        progress: called with the documents done.

    Returns:
        Counts.

    Raises:
        CorpusTooSmall: there is no document.
        MissingInput, BadInput: a folder is not there or a file in it is corrupt.
    """
    splits = [clean / split for split in SPLITS if (clean / split).is_dir()]
    documents = sorted(
        (document for split in splits for document in read_documents(split)),
        key=lambda document: document.id,
    )
    if not documents:
        raise CorpusTooSmall(str(clean), "there is no document to index", "Add some to corpus/")
    counts = prose_words(documents)
    rows = []
    fields: dict[str, list[list[str]]] = {name: [] for name in FIELDS}
    heads: list[list[str]] = []
    for done, document in enumerate(documents, 1):
        name, scope = title_fields(document.title, counts)
        first = terms(summary(document.text, document.title))
        for number, text in enumerate(cut(document.text, params.passage_characters)):
            rows.append(passage_row(document, number, text))
            body = without_signature(text, document.title) if number == 0 else text
            fields["name"].append(name)
            fields["scope"].append(scope)
            fields["summary"].append(first if number == 0 else [])
            fields["body"].append(terms(body))
            heads.append(first)
        if done % PROGRESS_EVERY == 0 or done == len(documents):
            progress(done, len(documents), "documents")
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist(rows, schema=PASSAGE_SCHEMA),
        out / "passages.parquet",
        compression="zstd",
        row_group_size=len(rows),
    )
    vocabulary = write_matrix(fields, out)
    write_lists("names", fields["name"], vocabulary, out)
    write_lists("heads", heads, vocabulary, out)
    talk = write_small_talk(dialogues, out)
    config = {"format": FORMAT, "min_score": params.min_score, "passages": len(rows)}
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", "utf-8")
    return IndexReport(
        documents=len(documents),
        passages=len(rows),
        terms=len(vocabulary),
        dialogues=talk,
        bytes=sum(path.stat().st_size for path in out.iterdir()),
    )


def passage_row(document: Document, number: int, text: str) -> dict[str, object]:
    """A passage as a row of ``PASSAGE_SCHEMA``."""
    meta = document.meta
    return {
        "document_id": document.id,
        "title": document.title,
        "url": document.url,
        "lang": document.lang,
        "kind": str(meta.get("kind") or ""),
        "signature": meta.get("signature"),
        "aliases": [str(alias) for alias in meta.get("aliases") or []],
        "uses": int(meta.get("uses") or 0),
        "number": number,
        "text": text,
    }


def write_matrix(fields: dict[str, list[list[str]]], out: Path) -> dict[str, int]:
    """Write the postings: for each term, the passages that have it and its BM25F weight there.

    Returns:
        term -> its number, in alphabetical order.
    """
    count = len(fields["body"])
    weights: dict[str, dict[int, float]] = {}
    bits: dict[str, dict[int, int]] = {}
    for field, (weight, by_length) in FIELDS.items():
        average = sum(map(len, fields[field])) / count or 1.0
        for passage, found in enumerate(fields[field]):
            norm = 1 - by_length + by_length * len(found) / average
            for term, times in Counter(found).items():
                row = weights.setdefault(term, {})
                row[passage] = row.get(passage, 0.0) + weight * times / norm
                marks = bits.setdefault(term, {})
                marks[passage] = marks.get(passage, 0) | FIELD_BITS[field]
    vocabulary = {term: number for number, term in enumerate(sorted(weights))}
    starts, passages, values, marks_column, rarity = [0], [], [], [], []
    for term in vocabulary:
        row = weights[term]
        order = sorted(row)
        passages += order
        values += [row[passage] / (SATURATION + row[passage]) for passage in order]
        marks_column += [bits[term][passage] for passage in order]
        starts.append(len(passages))
        rarity.append(math.log(1 + (count - len(order) + 0.5) / (len(order) + 0.5)))
    np.save(out / "postings_start.npy", np.array(starts, np.int64))
    np.save(out / "postings_passage.npy", np.array(passages, np.int32))
    np.save(out / "postings_weight.npy", np.array(values, np.float32))
    np.save(out / "postings_fields.npy", np.array(marks_column, np.uint8))
    np.save(out / "rarity.npy", np.array(rarity, np.float32))
    pq.write_table(pa.table({"term": list(vocabulary)}), out / "terms.parquet", compression="zstd")
    return vocabulary


def write_lists(name: str, lists: list[list[str]], vocabulary: dict[str, int], out: Path) -> None:
    """Write, for each passage, the numbers of some of its terms."""
    starts = np.cumsum([0, *map(len, lists)], dtype=np.int64)
    np.save(out / f"{name}_start.npy", starts)
    numbers = [vocabulary[term] for one in lists for term in one]
    np.save(out / f"{name}_term.npy", np.array(numbers, np.int32))


def write_small_talk(dialogues: Path, out: Path) -> int:
    """Write each dialogue's first message and its answer; returns how many there are."""
    rows = []
    for dialogue in sorted(read_dialogues(dialogues), key=lambda one: one.id):
        pair = [message for message in dialogue.messages if message["role"] != "system"][:2]
        if [message["role"] for message in pair] == ["user", "assistant"]:
            prompt, answer = (message["content"] for message in pair)
            rows.append((dialogue.lang, dialogue.category, prompt, answer))
    names = ("lang", "category", "prompt", "answer")
    table = pa.table(
        {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(names)}
    )
    pq.write_table(table, out / "small_talk.parquet", compression="zstd")
    return len(rows)


def main() -> None:
    """Run the stage on the project's own folders."""
    from tasks.stage import Stage

    with Stage("index") as stage:
        report = index(
            stage.input("data/clean"),
            stage.input("data/dialogues"),
            stage.output("artifacts/index"),
            stage.params.index,
            progress=stage.progress,
        )
        stage.report(report)


if __name__ == "__main__":
    main()
