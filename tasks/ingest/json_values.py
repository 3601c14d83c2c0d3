"""The values in a JSON file, one by one, whatever its size: lines of JSON, an array, or an object
that holds an array called ``data``. Which of them it is, its beginning tells."""

import io
import json
from collections.abc import Iterator
from typing import Any

from tasks.ingest.open_file import OpenFile
from tasks.ingest.records import Broken
from tasks.ingest.tables import HEAD_BYTES, json_lines
from tasks.ingest.text_encoding import encoding_of_beginning

CHUNK_CHARACTERS = 2**18
WHITE = " \t\r\n\ufeff"


def json_values(file: OpenFile) -> Iterator[tuple[int, Any]]:
    """Each value with its number, that of its line or its place from 1; ``Broken`` for what cannot
    be read. After a broken value of an array nothing more can be read, and its reason says so.

    Raises:
        Undecodable: the file is not text.
    """
    head = file.head(HEAD_BYTES)
    is_all = len(head) < HEAD_BYTES
    text = head.decode(encoding_of_beginning(head, is_all=is_all), "replace").lstrip(WHITE)
    first_line, _, rest = text.partition("\n")
    # An object on one line, with nothing after it, may be a whole set, as SQuAD's.
    if file.suffix == ".jsonl" or (text.startswith("{") and rest.strip() and _is_json(first_line)):
        yield from json_lines(file)
        return
    encoding = encoding_of_beginning(head, is_all=is_all)
    values = _Values(io.TextIOWrapper(file.stream, encoding, errors="replace"), file)
    yield from enumerate(values.each(), start=1)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class _Values:
    """Takes values off a text that is read as far as they need."""

    def __init__(self, text: io.TextIOWrapper, file: OpenFile) -> None:
        self._text, self._file = text, file
        self._buffer, self._place = "", 0
        self._keeps_all = False
        self._decoder = json.JSONDecoder()

    def each(self) -> Iterator[Any]:
        """The values of the array, or the one value that there is."""
        try:
            if self._next() == "{":
                self._enter_data()
            if self._next() != "[":
                yield self._value()
                return
            self._place += 1
            while self._next() != "]":
                yield self._value()
                if self._next() == ",":
                    self._place += 1
                elif self._next() != "]":
                    raise _NotJson("expecting ',' delimiter")
        except _NotJson as error:
            yield Broken(0, "is not JSON, nor can what comes after it be read", str(error))

    def _enter_data(self) -> None:
        """Go to the array ``data`` of the object; back to its beginning, if it has none."""
        self._buffer, self._place = self._buffer[self._place :], 1
        self._keeps_all = True
        while self._next() == '"':
            key = self._value()
            if self._next() != ":":
                raise _NotJson("expecting ':' delimiter")
            self._place += 1
            if key == "data" and self._next() == "[":
                self._keeps_all = False
                return
            self._value()
            if self._next() != ",":
                break
            self._place += 1
        self._place = 0

    def _more(self) -> bool:
        """Read on; what has been taken off is let go."""
        if not self._keeps_all:
            self._buffer, self._place = self._buffer[self._place :], 0
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
            except ValueError as error:
                if self._more():
                    continue
                raise _NotJson(getattr(error, "msg", str(error)).lower()) from None
            if end == len(self._buffer) and self._more():
                continue  # a number may go on
            self._place = end
            return value


class _NotJson(Exception):
    """What is wrong with a value."""
