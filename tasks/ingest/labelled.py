"""The source ``labelled``: texts and pairs of texts with a label, for classifiers.

Reads the files that ``ingest.labelled.paths`` names: GLUE's and CLUE's TSV, CSV, JSON and JSON
lines, with or without a header (label_columns.py). In TSV a quote is a character like any other, as
GLUE has it. The name of a file tells its split. An id is the place: ``labelled/SST-2/dev.tsv#12``.
"""

import csv
import io
from collections.abc import Iterator
from itertools import dropwhile, islice
from typing import Any

from tasks.csv_rows import csv_rows
from tasks.ingest.archives import open_files
from tasks.ingest.json_values import JSON_ENDINGS, json_values
from tasks.ingest.label_columns import Columns, columns_by_content, columns_named
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles, Tally, split_of, unknown_shape
from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Broken, names_in, sound
from tasks.ingest.source_files import Content, Reading, SourceFile, read_anew
from tasks.ingest.tables import HEAD_BYTES, CsvLines, TextLines
from tasks.ingest.text_encoding import Undecodable
from tasks.labelled import LabelledText
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "labelled"
TABLE_ENDINGS = (".tsv", ".csv", ".txt")
KNOWN = (
    "tables and JSON with a text (sentence, text, review, ...), perhaps a second one, and a label"
)
LOOKED_AT_ROWS = 200


def labelled(
    files: NamedFiles,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    """The labelled texts in the named files.

    Args:
        files: which, and the limits.
        left_out: gets counted, and named, what cannot be used.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput: as ``NamedFiles.found``.
        BadInput: a file is in no known shape, or too much of it is broken.
    """
    yield from files.contents(_contents, left_out, reading, progress)


def _contents(
    named: SourceFile, left_out: LeftOut, *, limits: FolderParams
) -> Iterator[LabelledText]:
    for file in open_files(named.path, named.where, limits, left_out):
        if file.suffix not in (*JSON_ENDINGS, *TABLE_ENDINGS):
            left_out.add(f"not a format that is read ({file.suffix or 'no ending'})", file.where)
            continue
        tally = Tally(file, limits, left_out)
        is_json = file.suffix in JSON_ENDINGS
        try:
            for number, row in _json_rows(file) if is_json else _table_rows(file):
                if file.packed.trouble():
                    break
                found = row if isinstance(row, Broken) else _text(row, number, file)
                if tally.is_good(found, number) and isinstance(found, LabelledText):
                    if damaged := f"{found.text}{found.text_pair}".count("\ufffd"):
                        left_out.add("damaged characters", f"{file.where}:{number}", count=damaged)
                    yield found
        except Undecodable as error:
            left_out.add(str(error), file.where)
            continue
        tally.check()


Row = tuple[str, str | None, str | None]


def _text(row: Row, number: int, file: OpenFile) -> LabelledText | Broken:
    text, pair, label = row
    if not text.strip() or (pair is not None and not pair.strip()):
        return Broken(number, "record with an empty text", is_empty=True)
    return LabelledText(
        id=f"{SOURCE}/{file.where}#{number}",
        source=SOURCE,
        lang=language(text),
        text=sound(text.strip()),
        text_pair=None if pair is None else sound(pair.strip()),
        label=None if label is None else sound(label.strip()) or None,
        split=split_of(file.where),
    )


def _json_rows(file: OpenFile) -> Iterator[tuple[int, Row | Broken]]:
    knows_shape = False
    for number, value in json_values(file):
        if isinstance(value, Broken):
            yield number, value
            continue
        fields = value if isinstance(value, dict) else {}
        columns = columns_named(list(fields))
        if columns is None:
            if knows_shape:
                yield number, Broken(number, "record without a text")
                continue
            raise unknown_shape(file, f"record {number} holds {names_in(fields)}", KNOWN)
        knows_shape = True
        cells = [_cell(cell) for cell in value.values()]
        yield number, _picked(cells, columns)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _table_rows(file: OpenFile) -> Iterator[tuple[int, Row | Broken]]:
    head = file.head(HEAD_BYTES)
    lines = TextLines(file, head, newline="")
    beginning = head.decode(lines.encoding, "replace").removeprefix("\ufeff")
    if len(head) == HEAD_BYTES:
        beginning = beginning[: beginning.rfind("\n") + 1]
    is_tsv = "\t" in beginning.lstrip("\r\n").split("\n", 1)[0]
    looked_at = [
        row
        for row in islice(
            _rows(io.StringIO(beginning, newline=""), is_tsv, file.longest), LOOKED_AT_ROWS
        )
        if isinstance(row, list)
    ]
    columns = columns_named(looked_at[0]) if looked_at else None
    columns = columns or columns_by_content(looked_at)
    if columns is None:
        first = " | ".join(looked_at[0][:6])[:80] if looked_at else "nothing"
        raise unknown_shape(file, f"its first row is {first}", KNOWN)
    width = len(looked_at[0])
    rows = _rows(CsvLines(lines, file.too_long), is_tsv, file.longest)
    if columns.has_header:
        next(rows)
    for number, row in enumerate(rows, start=1):
        if isinstance(row, csv.Error):
            yield number, Broken(number, "is not a row", str(row))
        elif len(row) != width:
            if any(cell.strip() for cell in row):
                yield (
                    number,
                    Broken(
                        number,
                        "has more or fewer cells than the first row",
                        f"{len(row)}, not {width}",
                    ),
                )
        else:
            yield number, _picked(row, columns)


def _rows(
    lines: "CsvLines | io.StringIO", is_tsv: bool, longest: int
) -> Iterator[list[str] | csv.Error]:
    """The rows from the first that is not blank."""
    rows = (
        csv_rows(lines, longest, delimiter="\t", quoting=csv.QUOTE_NONE)
        if is_tsv
        else csv_rows(lines, longest, strict=True)
    )
    return dropwhile(lambda row: isinstance(row, list) and not any(map(str.strip, row)), rows)


def _picked(cells: list[str], columns: Columns) -> Row:
    return (
        cells[columns.text],
        None if columns.pair is None else cells[columns.pair],
        None if columns.label is None else cells[columns.label],
    )
