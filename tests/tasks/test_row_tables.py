"""Rows become the tables that pyarrow makes of them, without what it imports for that."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.documents import DIALOGUE_SCHEMA, DOCUMENT_SCHEMA, Dialogue, Document
from tasks.row_tables import table_of, text_lengths

TEXTS = st.none() | st.text(st.characters(codec="utf-8"))
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])


@settings(deadline=None)  # the first one imports pandas
@given(st.lists(st.fixed_dictionaries({"id": TEXTS, "text": TEXTS}), max_size=20))
def test_texts_are_those_of_the_rows(rows: list[dict[str, Any]]) -> None:
    made = table_of(rows, SCHEMA)
    made.validate(full=True)
    assert made.equals(pa.Table.from_pylist(rows, SCHEMA))
    lengths = text_lengths(pa.chunked_array([made["text"].combine_chunks(), *made["text"].chunks]))
    assert list(lengths) == 2 * [len(row["text"] or "") for row in rows]


def test_other_columns_are_left_to_pyarrow() -> None:
    said = [{"role": "user", "content": "Hi"}]
    for schema, rows in (
        (DIALOGUE_SCHEMA, [Dialogue("d", "s", "en", "c", said).row()]),
        (DOCUMENT_SCHEMA, [
            Document("a", "s", "t", "x", "en", fetched_at=datetime(2024, 5, 1, tzinfo=UTC)).row(),
            Document("b", "s", "t", "x", "en").row(),
        ]),
    ):  # fmt: skip
        assert table_of(rows, schema).equals(pa.Table.from_pylist(rows, schema))


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(pa.ArrowTypeError):
        table_of([{"id": "a", "text": 1}], SCHEMA)
    with pytest.raises(UnicodeEncodeError):
        table_of([{"id": "a", "text": "\ud800"}], SCHEMA)


def test_documents_are_written_without_pandas() -> None:
    script = """
import sys, tempfile
from pathlib import Path
from tasks.documents import Document, write_documents
with tempfile.TemporaryDirectory() as folder:
    write_documents([Document("a", "s", "t", "x", "en"), Document("b", "s", "t", "x", "en")], Path(folder))
    write_documents([], Path(folder))
print("pandas" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_process_can_have_pyarrow_do_without_pandas_and_use_it_itself() -> None:
    script = """
import sys
from tasks.row_tables import without_pandas
without_pandas()
import pyarrow as pa
assert pa.array([1.5, None]).to_pylist() == [1.5, None]
print("pandas" in sys.modules)
import pandas
print(len(pandas.DataFrame({"a": [1, 2]})))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n2\n"
