"""The values in a JSON file, one by one, whatever its size: lines of JSON, an array, or an object
that holds an array called ``data``; or several of these, one after the other. Whether it is read
by lines, its beginning tells."""

import io
import json
from collections.abc import Iterator
from typing import Any

from tasks.ingest.open_file import EMPTY, OpenFile
from tasks.ingest.records import Broken
from tasks.ingest.tables import HEAD_BYTES, json_lines
from tasks.ingest.text_encoding import Undecodable, encoding_of_beginning

JSON_ENDINGS = (".json", ".jsonl")
CHUNK_CHARACTERS = 2**18
WHITE = " \t\r\n\ufeff"
LONGEST_WORD = len(r"\ud83d\ude00")
"""What is not JSON when its end is missing, but for strings: this, ``-Infinity``, ``false``."""


def json_values(file: OpenFile) -> Iterator[tuple[int, Any]]:
    """Each value with its number, that of its line or its place from 1; ``Broken`` for what cannot
    be read. After a broken value of an array nothing more can be read, and its reason says so.

    Raises:
        Undecodable: the file is not text, or there is nothing in it.
    """
    head = file.head(HEAD_BYTES)
    is_all = len(head) < HEAD_BYTES
    text = head.decode(encoding_of_beginning(head, is_all=is_all), "replace").lstrip(WHITE)
    if is_all and not text:
        if file.is_cut():
            return  # and that is counted where it was found
        raise Undecodable(EMPTY)
    first_line, _, rest = text.partition("\n")
    # An object on one line may be a whole set, as SQuAD's.
    if file.suffix == ".jsonl" or (
        text.startswith("{") and rest.strip() and _is_record(first_line)
    ):
        yield from json_lines(file)
        return
    encoding = encoding_of_beginning(head, is_all=is_all)
    values = _Values(io.TextIOWrapper(file.stream, encoding, errors="replace"), file)
    yield from enumerate(values.each(), start=1)


def _is_record(line: str) -> bool:
    """Whether a line that begins like an object is one, and holds no array ``data``."""
    try:
        return not isinstance(json.loads(line).get("data"), list)
    except (ValueError, RecursionError):
        return False


class _Values:
    """Takes values off a text that is read as far as they need."""

    def __init__(self, text: io.TextIOWrapper, file: OpenFile) -> None:
        self._text, self._file = text, file
        self._buffer, self._place = "", 0
        self._kept: int | None = None  # where the object begins that may be wanted whole
        self._decoder = json.JSONDecoder()

    def each(self) -> Iterator[Any]:
        """The values of the file's arrays, and those that stand in none, to the file's end."""
        try:
            yield from self._one()
            while self._next():
                yield from self._one()
        except _NotJson as error:
            yield Broken(0, "is not JSON, nor can what comes after it be read", str(error))

    def _one(self) -> Iterator[Any]:
        """The values of the array or object that comes next, or the value that does."""
        begins = self._next()
        if begins == "[":
            yield from self._array()
        elif begins == "{":
            yield from self._object()
        else:
            yield self._value()

    def _array(self) -> Iterator[Any]:
        self._place += 1
        while self._next() != "]":
            yield self._value()
            if self._next() == ",":
                self._place += 1
            elif self._next() != "]":
                raise _NotJson("expecting ',' delimiter")
        self._place += 1

    def _object(self) -> Iterator[Any]:
        """The values of the object's array ``data``, or the object itself, if it has none."""
        self._kept, has_data = self._place, False
        self._place += 1
        while self._next() == '"':
            key = self._value()
            if self._next() != ":":
                raise _NotJson("expecting ':' delimiter")
            self._place += 1
            if key == "data" and self._next() == "[":
                self._kept, has_data = None, True
                yield from self._array()
            else:
                self._value()
            if self._next() != ",":
                break
            self._place += 1
        if not has_data:
            self._place, self._kept = self._kept or 0, None
            yield self._value()
        elif self._next() != "}":
            raise _NotJson("expecting ',' delimiter")
        else:
            self._place += 1

    def _more(self) -> bool:
        """Read on; what has been taken off is let go."""
        gone = self._place if self._kept is None else self._kept
        self._buffer, self._place = self._buffer[gone:], self._place - gone
        self._kept = None if self._kept is None else 0
        if len(self._buffer) > self._file.longest:
            raise _NotJson(self._file.too_long)
        more = self._text.read(max(CHUNK_CHARACTERS, len(self._buffer)))
        self._buffer += more
        return bool(more)

    def _next(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._place < len(self._buffer):
                if self._buffer[self._place] not in WHITE:
                    return self._buffer[self._place]
                self._place += 1
            if not self._more():
                return ""

    def _value(self) -> Any:
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except RecursionError:
                raise _NotJson("nested too deeply") from None
            except json.JSONDecodeError as error:
                # A text that breaks off is wrong where it ends, or where its last string begins.
                may_go_on = error.pos > len(self._buffer) - LONGEST_WORD
                if (may_go_on or error.msg.startswith("Unterminated")) and self._more():
                    continue
                raise _NotJson(error.msg.lower()) from None
            except ValueError as error:  # a number of more than 4,300 digits
                raise _NotJson(str(error).split(";")[0].lower()) from None
            if isinstance(value, int | float) and end > len(self._buffer) - LONGEST_WORD:
                before = self._place
                if self._more():
                    continue  # a number may go on
                end -= before - self._place
            self._place = end
            return value


class _NotJson(Exception):
    """What is wrong with a value."""
