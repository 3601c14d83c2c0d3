"""Evaluation sets as they are published: HumanEval, GLUE, SQuAD, CMRC, questions of one's own.

A file is known by its shape, not by its name: SQuAD's and CMRC's JSON, objects with fields of
known names (JSON, or JSONL as HumanEval's), tables with known columns (TSV or CSV, as GLUE's), and
GLUE's tables without a header. Any of them may be gzipped.

The answers of a question that names its ``documents`` are not read: they are in the corpus by
intent, as the assistant has to find them there.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from chatwright.errors import BadInput, MissingInput
from tasks.csv_rows import csv_rows
from tasks.params import Params

TEXT_FIELDS = (
    *("question", "question1", "question2", "answer", "answers", "context"),  # QNLI, QQP
    *("sentence", "sentence1", "sentence2", "premise", "hypothesis"),  # the rest of GLUE
    *("#1 String", "#2 String"),  # MRPC
    *("prompt", "canonical_solution", "test"),  # HumanEval
    *("turns", "messages", "instruction", "input", "output", "text"),  # MT-Bench, Alpaca
)
NAME_FIELDS = ("task_id", "question_id", "id")
SHAPES = (
    "Known are JSON as SQuAD's or CMRC's, and JSON, JSONL, TSV or CSV with a field of this name:"
    f" {', '.join(TEXT_FIELDS)}"
)

# Columns of tables without a header, and which of them are texts.
_NUMBER, _TEXT = r"-?\d+(\.\d+)?", r".{4,}"
_HEADERLESS = (
    ((r"\S+", "[01]", r"[*?#!]*", r".+"), (3,)),  # CoLA: source, label, mark, sentence
    ((_NUMBER, _TEXT, _TEXT, r"\S+"), (1, 2)),  # WNLI, RTE: index, two sentences, label
    ((_TEXT, _TEXT, _NUMBER), (0, 1)),  # STS-B in other languages: two sentences, score
)
_LOOKED_AT = 50


def evaluation_files(params: Params) -> list[str]:
    """What no model may learn from: the sets listed for that, and what the build is asked anyway.

    A file of questions in which there is none yet asks nothing.
    """
    asked = Path(params.evaluate.questions)
    is_empty = asked.is_file() and not asked.read_bytes().strip()
    listed = params.preprocess.decontaminate
    return list(dict.fromkeys(listed if is_empty else [*listed, params.evaluate.questions]))


class EvaluationItem(NamedTuple):
    """One question or task: its name in its set, and all of its texts."""

    name: str
    texts: list[str]


class EvaluationSet(NamedTuple):
    """A file of items; ``name`` is its path as it was given."""

    name: str
    items: list[EvaluationItem]

    def in_forms(self, forms: Callable[[str], Iterable[str]]) -> "EvaluationSet":
        """The same set with every form of each of its texts."""
        return EvaluationSet(
            self.name,
            [
                EvaluationItem(item.name, [form for text in item.texts for form in forms(text)])
                for item in self.items
            ],
        )


def read_evaluation_set(path: Path) -> EvaluationSet:
    """Read a file of any of the known shapes.

    Raises:
        MissingInput: there is no such file.
        BadInput: it cannot be decoded, is of no known shape, or holds nothing.
    """
    text = _content(path)
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix == ".json":
        items = list(_of_json(path, text))
    elif suffix in (".jsonl", ".ndjson"):
        items = list(_of_lines(path, text))
    elif suffix in (".tsv", ".csv", ".txt"):
        items = list(_of_table(path, text, "," if suffix == ".csv" else "\t"))
    else:
        raise _unknown(path, f"the ending {suffix or 'of its name'} says nothing of its shape")
    items = [item for item in items if any(text.strip() for text in item.texts)]
    if not items:
        raise BadInput(str(path), "holds no evaluation text", "Leave it out, or fetch it again")
    return EvaluationSet(str(path), items)


def _content(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MissingInput(
            str(path),
            f"this evaluation set cannot be read: {error.strerror}",
            "preprocess.decontaminate or evaluate.questions names it",
        ) from None
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error):
        raise BadInput(str(path), "is a damaged gzip file", "Fetch it again") from None
    except UnicodeDecodeError:
        raise BadInput(str(path), "is not UTF-8", "Convert it: iconv -t utf-8") from None


def _of_json(path: Path, text: str) -> Iterator[EvaluationItem]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(str(path), f"is not JSON: {error}", "Fetch it again") from None
    if isinstance(tree, dict):
        tree = tree.get("data")
    if not isinstance(tree, list):
        raise _unknown(path, "it is neither a list nor an object with one under data")
    for number, entry in enumerate(tree, start=1):
        where = f"entry {number}"
        if not isinstance(entry, dict):
            raise _unknown(path, f"{where} is not an object")
        if isinstance(entry.get("paragraphs"), list):
            title = str(entry.get("title") or where)
            for place, paragraph in enumerate(entry["paragraphs"], start=1):
                yield from _of_context(path, paragraph, f"{title}, paragraph {place}", where)
        elif "context_text" in entry:
            yield from _of_context(path, entry, str(entry.get("context_id", where)), where)
        else:
            yield _of_object(path, entry, where)


def _of_context(path: Path, paragraph: Any, name: str, where: str) -> Iterator[EvaluationItem]:
    """A context and its questions, with SQuAD's keys or CMRC's."""
    for context, questions, identity, question in (
        ("context", "qas", "id", "question"),
        ("context_text", "qas", "query_id", "query_text"),
    ):
        try:
            items = [EvaluationItem(name, [str(paragraph[context])])]
            items += [
                EvaluationItem(str(each[identity]), [str(each[question])])
                for each in paragraph[questions]
            ]
        except (KeyError, TypeError):
            continue
        yield from items
        return
    raise _unknown(path, f"{where} has a paragraph without a context and its questions")


def _of_lines(path: Path, text: str) -> Iterator[EvaluationItem]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise BadInput(
                f"{path}, line {number}", "is not a JSON object", "Each line of JSONL is one"
            )
        yield _of_object(path, entry, f"line {number}")


def _of_object(path: Path, entry: dict[str, Any], where: str) -> EvaluationItem:
    name = next((str(entry[key]) for key in NAME_FIELDS if entry.get(key) is not None), where)
    if "question" in entry and "documents" in entry:
        return EvaluationItem(name, [str(entry["question"])])
    texts = [text for key in TEXT_FIELDS for text in _strings(entry.get(key))]
    if not texts:
        raise _unknown(path, f"{where} has no field of a known name that holds text")
    return EvaluationItem(name, texts)


def _strings(value: Any) -> list[str]:
    """The texts that a field holds: itself, those of a list, the ``content`` of messages."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for each in value for text in _strings(each)]
    return _strings(value.get("content")) if isinstance(value, dict) else []


def _of_table(path: Path, text: str, delimiter: str) -> Iterator[EvaluationItem]:
    # GLUE's quotation marks are part of the sentences; in CSV they are around them.
    found = (
        csv_rows(io.StringIO(text, newline=""), len(text), strict=True)
        if delimiter == ","
        else csv_rows(text.split("\n"), len(text), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    )
    rows = []
    for row in found:
        if isinstance(row, csv.Error):
            raise BadInput(str(path), f"is not a table: {row}", "Fetch it again")
        if row:
            rows.append(row)
    header = [name.strip() for name in rows[0]] if rows else []
    columns = [place for place, name in enumerate(header) if name in TEXT_FIELDS]
    first = 1 if columns else 0
    columns = columns or list(_text_columns(rows))
    if rows and not columns:
        raise _unknown(path, "its first line names no column of text")
    for number, row in enumerate(rows[first:], start=first + 1):
        yield EvaluationItem(f"line {number}", [row[c] for c in columns if c < len(row)])


def _text_columns(rows: list[list[str]]) -> Iterable[int]:
    """Which columns of a table without a header are texts; none where the shape is not known."""
    for patterns, columns in _HEADERLESS:
        if all(
            len(row) == len(patterns)
            and all(re.fullmatch(p, value) for p, value in zip(patterns, row, strict=True))
            for row in rows[:_LOOKED_AT]
        ):
            return columns
    return ()


def _unknown(path: Path, why: str) -> BadInput:
    return BadInput(str(path), f"is an evaluation set of unknown shape: {why}", SHAPES)
