"""The rows of a table of comma separated values, each or what is wrong with it.

How long a cell may be is one number for the whole process in Python's ``csv``, at first 131,072:
it is set here before each row, so that no reader depends on what another has read before.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

LARGEST_LIMIT = 2**31 - 1
"""``csv`` takes no larger one where C's long has 32 bits."""


def csv_rows(
    lines: Iterable[str], longest: int, dialect: type[csv.Dialect] = csv.excel, **changes: Any
) -> Iterator[list[str] | csv.Error]:
    """The rows of some lines; after an error it goes on with the next line.

    Args:
        lines: with their ends, as ``csv.reader`` takes them.
        longest: the most characters that a cell may have.
        dialect: what parts and quotes the cells.
        changes: what is different from the dialect.
    """
    rows = csv.reader(lines, dialect, **changes)
    while True:
        csv.field_size_limit(min(longest, LARGEST_LIMIT))
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield error
