"""Readers for the formats of the user's own files, one function each: path in, records out.

Readers raise ``Undecodable`` for a file that is not text, and ``BadInput`` for one that is broken
as a whole. Which records of a file can be used is decided by ``folder.py``.
"""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import ElementNode, HTMLTree

from chatwright.errors import BadInput
from tasks.ingest.records import (
    MESSAGES_FIELD,
    TEXT_FIELDS,
    TITLE_FIELDS,
    Broken,
    Record,
    Text,
    record_from_mapping,
)
from tasks.ingest.text_encoding import Decoded, Undecodable, decode

Reader = Callable[[Path], Iterator[Record]]

LONGEST_TITLE = 120
SNIFFED_CHARACTERS = 16_384


def read_txt(path: Path) -> Iterator[Record]:
    """A plain text; its first line is its title, unless it is a whole paragraph."""
    found = decode(path.read_bytes())
    yield Text(found.text, _first_line(found.text), meta=_encoding_meta(found))


def read_markdown(path: Path) -> Iterator[Record]:
    """A Markdown text; the title is that of its front matter, its first heading or first line."""
    found = decode(path.read_bytes())
    text, title = found.text, None
    front = re.match(r"---\r?\n(.*?)\r?\n---\r?\n", text, re.S)
    if front:
        text = text[front.end() :]
        named = re.search(r"^title:\s*(.+?)\s*$", front[1], re.M)
        title = named[1].strip("\"'") if named else None
    heading = re.search(r"^#{1,6}\s+(.+?)\s*#*\s*$|^(\S.*)\r?\n(?:={3,}|-{3,})\s*$", text, re.M)
    if not title and heading:
        title = heading[1] or heading[2]
    yield Text(text, title or _first_line(text), meta=_encoding_meta(found))


def read_html(path: Path) -> Iterator[Record]:
    """The main content of a page, without its navigation; all of it where there is no main part."""
    found = decode(path.read_bytes(), declared_in_html=True)
    tree = HTMLTree.parse(found.text)
    text = extract_plain_text(tree, main_content=True) or extract_plain_text(tree)

    def first(selector: str) -> ElementNode | None:
        node = tree.document.query_selector(selector) if tree.document else None
        return node if isinstance(node, ElementNode) else None

    heading, link, root = first("h1"), first("link[rel=canonical]"), first("html")
    title = tree.title or (heading.text if heading else None) or ""
    url = link.getattr("href") if link else None
    lang = (root.getattr("lang") if root else None) or ""
    yield Text(
        text,
        " ".join(title.split()) or None,
        url or None,
        re.split("[-_]", lang)[0].lower() or None,
        meta=_encoding_meta(found),
    )


def read_jsonl(path: Path) -> Iterator[Record]:
    """One JSON object a line; blank lines are passed over.

    Lines are decoded one by one, so that a damaged one does not hide the others, unless the file
    as a whole is in another encoding than UTF-8.
    """
    data = path.read_bytes()
    lines = data.split(b"\n")
    readable = sum(_is_utf8(line) for line in lines)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or readable < len(lines) / 2:
        lines = decode(data).text.encode("utf-8").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
        except UnicodeDecodeError:
            yield Broken(number, "is not in UTF-8")
        except json.JSONDecodeError as error:
            yield Broken(number, "is not JSON", f"{error.msg.lower()} at column {error.colno}")
        except RecursionError:
            yield Broken(number, "is not JSON", "nested too deeply")
        else:
            if isinstance(value, dict):
                yield record_from_mapping(value, number)
            else:
                yield Broken(number, "is JSON, but not an object")


def read_csv(path: Path) -> Iterator[Record]:
    """A table with a header; records are numbered as rows after it.

    Raises:
        Undecodable: also where no column is named like a text.
    """
    found = decode(path.read_bytes())
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    rows = _rows(found.text)
    if rows is None:
        raise Undecodable(f"has no column named {', '.join(TEXT_FIELDS)}")
    header = next(rows)
    names = [name.strip().lower() for name in header]
    number = 0
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(number, "is not a row", str(error))
            continue
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(names):
            yield Broken(
                number, "has more or fewer cells than the header", f"{len(row)}, not {len(names)}"
            )
        else:
            yield record_from_mapping(dict(zip(names, row, strict=True)), number)


def _rows(text: str) -> Iterator[list[str]] | None:
    """The rows, in the first dialect in which the header names a text; None if there is none."""
    dialects: list[type[csv.Dialect]] = []
    try:
        dialects.append(csv.Sniffer().sniff(text[:SNIFFED_CHARACTERS], delimiters=",;\t|"))
    except csv.Error:
        pass  # a single column has no delimiter to find; the plain dialects below read it
    dialects += [type("Plain", (csv.excel,), {"delimiter": delimiter}) for delimiter in ",;\t|"]
    escape = "\\" if '\\"' in text and '""' not in text.replace(',"",', ",,") else None
    lines = text.splitlines(keepends=True)

    def reader(dialect: type[csv.Dialect]) -> Iterator[list[str]]:
        return csv.reader(
            lines, dialect, doublequote=not escape, escapechar=escape, skipinitialspace=True
        )

    for dialect in dialects:
        if any(name.strip().lower() in TEXT_FIELDS for name in next(reader(dialect), [])):
            return reader(dialect)
    return None


def read_parquet(path: Path) -> Iterator[Record]:
    """A table with a column named like a text, or with messages.

    Raises:
        BadInput: the file is not Parquet, or corrupt.
        Undecodable: it has no such column.
    """
    try:
        file = pq.ParquetFile(path)
        wanted = (*TEXT_FIELDS, *TITLE_FIELDS, "url", "lang", "category", MESSAGES_FIELD)
        columns = [name for name in file.schema_arrow.names if name in wanted]
        if not {*TEXT_FIELDS, MESSAGES_FIELD} & set(columns):
            raise Undecodable(f"has no column named {', '.join(TEXT_FIELDS)}")
        number = 0
        for batch in file.iter_batches(columns=columns):
            for row in batch.to_pylist():
                number += 1
                yield record_from_mapping(row, number)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BadInput(
            str(path), f"is a broken Parquet file ({reason})", "Mend it, or take it out"
        ) from None


READERS: dict[str, Reader] = {
    ".txt": read_txt,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}


def _first_line(text: str) -> str | None:
    """The first line that says something, if it is short enough to be a title."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if 0 < len(line) <= LONGEST_TITLE else None


def _encoding_meta(found: Decoded) -> dict[str, str | int]:
    """The encoding, and damaged characters if any, as a document's metadata."""
    meta: dict[str, str | int] = {"encoding": found.encoding}
    if found.broken:
        meta["damaged_characters"] = found.broken
    return meta


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
