"""Rows have the same hash where they are the same, and only there."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.row_hashes import HASH_BYTES, row_hashes

SCHEMA = pa.schema(
    [("id", pa.string()), ("at", pa.timestamp("us", tz="UTC")), ("text", pa.string())]
)
TEXTS = st.none() | st.sampled_from(["", "a", "b", "ab", "语", "\0"])
TIMES = st.none() | st.sampled_from(
    [datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2024, 5, 1, tzinfo=UTC)]
)
ROWS = st.lists(st.fixed_dictionaries({"id": TEXTS, "at": TIMES, "text": TEXTS}), max_size=30)


@settings(deadline=None)  # the first one imports pandas
@given(ROWS, st.integers(0, 30), st.integers(0, 30))
def test_rows_are_the_same_where_their_hashes_are(
    rows: list[dict[str, Any]], start: int, length: int
) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    more = [b"1" if row["id"] == "a" else b"0" for row in rows]
    hashes = row_hashes(table, more)
    assert all(len(each) == HASH_BYTES for each in hashes)
    for row, one in zip(rows, hashes, strict=True):
        assert [one == other for other in hashes] == [row == other for other in rows]
    # Which rows stand beside a row, and in how many pieces, does not show.
    some = pa.concat_tables([table.slice(start, length), table.slice(start)])
    these = more[start : start + length] + more[start:]
    assert row_hashes(some, these) == hashes[start : start + length] + hashes[start:]
    if rows:
        others = row_hashes(table, [b"2", *more[1:]])
        assert others[0] != hashes[0] and others[1:] == hashes[1:]
