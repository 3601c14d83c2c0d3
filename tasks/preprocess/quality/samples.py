"""The user's good and bad samples for the classifier: JSON lines with `text`, or a text a line."""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from chatwright.errors import BadInput, MissingInput

KEY = "preprocess.classifier"


def read_samples(paths: Iterable[str]) -> list[str]:
    """The samples of some files (``.jsonl``, ``.txt``, or ``.gz`` of these), in their order.

    Raises:
        MissingInput: there is no such file, or it may not be read.
        BadInput: it is of another format or damaged; the line is named.
    """
    return [sample for name in paths for sample in _samples_of(Path(name))]


def _samples_of(path: Path) -> Iterator[str]:
    inner = Path(path.name.removesuffix(".gz")).suffix.lower()
    if inner not in (".jsonl", ".ndjson", ".txt"):
        raise BadInput(
            f"{KEY}, {path}",
            "is in no format known here",
            "Give JSON lines with a text each (.jsonl), or a sample a line (.txt)",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MissingInput(
            f"{KEY}, {path}", f"cannot be read: {error.strerror}", "Mend the name"
        ) from None
    try:
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error):
        raise BadInput(f"{KEY}, {path}", "is a damaged gzip file", "Make it again") from None
    except UnicodeDecodeError:
        raise BadInput(f"{KEY}, {path}", "is not UTF-8", "Convert it: iconv -t utf-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield line.strip() if inner == ".txt" else _text_of(line, f"{KEY}, {path}:{number}")


def _text_of(line: str, where: str) -> str:
    try:
        text = json.loads(line)["text"]
    except (ValueError, RecursionError, KeyError, TypeError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise BadInput(where, "is no JSON object with a text", 'Write {"text": "..."} on each line')
    return text
