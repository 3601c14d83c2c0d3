"""Readers for files of many records as text: JSON lines, CSV. They are read as a stream.

The encoding is told by the file's beginning; what cannot be decoded further down becomes U+FFFD and
is counted in the record that it stands in. A line of JSON in UTF-8 is the exception: it is left out
with its reason, and the others are read.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from typing import Any

from tasks.csv_rows import csv_rows
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import (
    TEXT_FIELDS,
    Broken,
    Record,
    are_texts,
    names_in,
    record_from_mapping,
)
from tasks.ingest.text_encoding import BYTE_ORDER_MARKS, Undecodable, encoding_of_beginning

HEAD_BYTES = 2**20
SNIFFED_CHARACTERS = 16_384
FIRST_ROWS = 100
"""So many tell whether there are texts in a table without a column that is named like one."""
MARKS = tuple(mark for mark, _ in BYTE_ORDER_MARKS)


class NoColumnOfTexts(Undecodable):
    """A table that has other columns than those in which a text is sought.

    Args:
        names: of its columns.
        has_texts: whether there are texts in one of them, as far as its first rows tell.
        remedy: what may be done besides giving one another name, for a sentence.
    """

    def __init__(self, names: Iterable[str], has_texts: bool, remedy: str = "") -> None:
        super().__init__(f"has no column named {', '.join(TEXT_FIELDS)}")
        self.names, self.remedy = names_in(dict.fromkeys(names)), remedy
        self.has_texts = has_texts


def read_jsonl(file: OpenFile) -> Iterator[Record]:
    """One JSON object a line; blank lines are passed over.

    Lines are decoded one by one, so that a damaged one does not hide the others, unless the file
    as a whole is in another encoding than UTF-8.
    """
    for number, value, zeros in _json_objects(file):
        if isinstance(value, Broken):
            yield value
        else:
            yield record_from_mapping(value, number, zeros)


def json_lines(file: OpenFile) -> Iterator[tuple[int, dict[str, Any] | Broken]]:
    """The objects of ``read_jsonl`` as they are, with their lines' numbers."""
    for number, value, _ in _json_objects(file):
        yield number, value


def _json_objects(file: OpenFile) -> Iterator[tuple[int, dict[str, Any] | Broken, int]]:
    """Each line's number and object, and how many zero bytes were taken out of it."""
    for number, (line, zeros) in enumerate(_json_lines(file), start=1):
        if isinstance(line, Broken):
            yield number, Broken(number, line.reason), zeros
        elif line.strip():
            yield number, _json_object(line, number), zeros
        elif zeros:
            yield number, Broken(number, "is nothing but zero bytes"), zeros


def _json_object(line: str, number: int) -> dict[str, Any] | Broken:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        said = error.msg.lower().removesuffix(" at")
        return Broken(number, "is not JSON", f"{said} at column {error.colno}")
    except RecursionError:
        return Broken(number, "is not JSON", "nested too deeply")
    except ValueError as error:  # a number of more than 4,300 digits
        return Broken(number, "is not JSON", str(error).split(";")[0].lower())
    return value if isinstance(value, dict) else Broken(number, "is JSON, but not an object")


def _json_lines(file: OpenFile) -> Iterator[tuple[str | Broken, int]]:
    """Each line, or why it has none, and how many zero bytes were taken out of it."""
    head = file.head(HEAD_BYTES)
    lines = head.split(b"\n")
    if len(head) == HEAD_BYTES and len(lines) > 1:
        lines.pop()  # cut
    plain = sum(_is_plain_utf8(line) for line in lines)
    if head.startswith(MARKS) or plain < len(lines) / 2:
        for text in TextLines(file, head, newline="\n"):
            yield (Broken(0, file.too_long) if text is None else text), 0
        return
    for line in file.lines():
        zeros = line.count(b"\0") if line else 0
        if line is None:
            yield Broken(0, file.too_long), 0
            continue
        try:
            yield line.replace(b"\0", b"").decode("utf-8").removeprefix("\ufeff"), zeros
        except UnicodeDecodeError:
            yield Broken(0, "is not in UTF-8"), zeros


def _is_plain_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8, and not UTF-16 with its zero bytes."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in line


class TextLines:
    """The lines of a text, with their ends; None for one that is too long.

    ``zeros`` counts the zero bytes that were taken out so far.
    """

    def __init__(self, file: OpenFile, head: bytes, *, newline: str) -> None:
        self.encoding = encoding_of_beginning(head, is_all=len(head) < HEAD_BYTES)
        self._text = io.TextIOWrapper(
            file.stream, encoding=self.encoding, errors="replace", newline=newline
        )
        self._longest = file.longest
        self._is_first = True
        self.zeros = 0

    def __iter__(self) -> "TextLines":
        return self

    def __next__(self) -> str | None:
        line = self._text.readline(self._longest)
        if not line:
            raise StopIteration
        if len(line) == self._longest and line[-1] not in "\r\n":
            while line and line[-1] not in "\r\n":
                line = self._text.readline(2**20)
            return None
        if self._is_first:
            self._is_first = False
            line = line.removeprefix("\ufeff")
        if zeros := line.count("\0"):
            self.zeros += zeros
            line = line.replace("\0", "")
        return line


class CsvLines:
    """Lines for ``csv``, for which one that is too long is an error like its own."""

    def __init__(self, lines: TextLines, too_long: str) -> None:
        self._lines, self._too_long = lines, too_long

    def __iter__(self) -> "CsvLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            raise csv.Error(self._too_long)
        return line


def read_csv(file: OpenFile) -> Iterator[Record]:
    """A table with a header; records are numbered as rows after it.

    Quotes inside quotes have to be doubled, or escaped throughout: a row in which they are neither
    could be read in two ways and is left out with its reason.

    Raises:
        NoColumnOfTexts: no column is named like a text.
        Undecodable: also where two are named alike, or there is nothing in it.
    """
    head = file.head(HEAD_BYTES)
    lines = TextLines(file, head, newline="")
    rows = csv_rows(CsvLines(lines, file.too_long), file.longest, _dialect(lines, head))
    header = _header(rows)
    if isinstance(header, csv.Error):
        raise Undecodable(f"has a header that cannot be read: {header}")
    names = [name.strip().lower() for name in header]
    if doubled := [name for name in TEXT_FIELDS if names.count(name) > 1]:
        raise Undecodable(f"has several columns named {doubled[0]}")
    zeros = lines.zeros
    for number, row in enumerate(rows, start=1):
        before, zeros = zeros, lines.zeros
        if isinstance(row, csv.Error):
            yield Broken(number, "is not a row", str(row))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(names):
            yield Broken(
                number, "has more or fewer cells than the header", f"{len(row)}, not {len(names)}"
            )
        else:
            fields = dict(zip(names, row, strict=True))
            yield record_from_mapping(fields, number, zeros - before)


def _header(rows: Iterator[list[str] | csv.Error]) -> list[str] | csv.Error:
    """The first row that is not blank."""
    return next((row for row in rows if isinstance(row, csv.Error) or any(map(str.strip, row))), [])


def _dialect(lines: TextLines, head: bytes) -> type[csv.Dialect]:
    """The first dialect in which the header names a text.

    Raises:
        NoColumnOfTexts: there is none; the names are those of the dialect that makes most of them.
        Undecodable: there is no header that could be read.
    """
    text = head.decode(lines.encoding, errors="replace").removeprefix("\ufeff").replace("\0", "")
    text = text.lstrip("\r\n")
    dialects: list[type[csv.Dialect]] = []
    try:
        dialects.append(csv.Sniffer().sniff(text[:SNIFFED_CHARACTERS], delimiters=",;\t|"))
    except csv.Error:
        pass  # a single column has no delimiter to find; the plain dialects below read it
    dialects += [type("Plain", (csv.excel,), {"delimiter": delimiter}) for delimiter in ",;\t|"]
    tables: list[list[list[str]]] = []
    escaped = '\\"' in text and '""' not in text.replace(',"",', ",,")
    for found in dialects:
        changes = {
            "doublequote": not escaped,
            "escapechar": "\\" if escaped else None,
            "skipinitialspace": True,
            "strict": True,
        }
        dialect = type("Found", (found,), changes)
        rows = csv_rows(io.StringIO(text, newline=""), len(text), dialect)
        header = _header(rows)
        if isinstance(header, csv.Error):
            continue  # not this one
        if any(name.strip().lower() in TEXT_FIELDS for name in header):
            return dialect
        first_rows = islice(rows, FIRST_ROWS)
        tables.append([header, *(row for row in first_rows if not isinstance(row, csv.Error))])
    header, *rows_below = max(tables, key=lambda table: len(table[0]), default=[[]])
    if header:
        has_texts = any(map(are_texts, zip_longest(*rows_below)))
        raise NoColumnOfTexts((name.strip() for name in header), has_texts)
    raise Undecodable("has no header that can be read")
