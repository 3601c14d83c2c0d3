"""The source ``chat``: conversations out of the files that ``ingest.chat.paths`` names.

Their shape is told by their content (chat_shapes.py), their format by their ending: JSON, JSON
lines or YAML, also compressed or in archives. A dialogue's id is its place,
``chat/oasst.jsonl.gz#12``.
"""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from tasks.documents import Dialogue
from tasks.ingest.archives import open_files
from tasks.ingest.chat_shapes import KNOWN, conversation
from tasks.ingest.dialogues import NOT_YAML
from tasks.ingest.json_values import JSON_ENDINGS, json_values
from tasks.ingest.language import language
from tasks.ingest.left_out import LeftOut
from tasks.ingest.named_files import NamedFiles, Tally, unknown_shape
from tasks.ingest.open_file import EMPTY, OpenFile
from tasks.ingest.records import Broken, names_in
from tasks.ingest.source_files import Content, Reading, SourceFile, read_anew
from tasks.ingest.text_encoding import Undecodable, decode
from tasks.params_ingest import FolderParams
from tasks.progress import Progress, silent

SOURCE = "chat"
YAML_ENDINGS = (".yml", ".yaml")


def chat(
    files: NamedFiles,
    left_out: LeftOut,
    *,
    progress: Progress = silent,
    reading: Reading = read_anew,
) -> Iterator[Content]:
    """The conversations in the named files.

    Args:
        files: which, and the limits.
        left_out: gets counted, and named, what cannot be used.
        reading: what has the files read.

    Raises:
        BadParameter, MissingInput: as ``NamedFiles.found``.
        BadInput: a file is in no known shape, or too much of it is broken.
    """
    yield from files.contents(_contents, left_out, reading, progress)


def _contents(named: SourceFile, left_out: LeftOut, *, limits: FolderParams) -> Iterator[Dialogue]:
    for file in open_files(named.path, named.where, limits, left_out):
        if file.suffix not in (*JSON_ENDINGS, *YAML_ENDINGS):
            left_out.add(f"not a format that is read ({file.suffix or 'no ending'})", file.where)
            continue
        try:
            yield from _dialogues(file, limits, left_out)
        except Undecodable as error:
            left_out.add(str(error), file.where)


def _dialogues(file: OpenFile, limits: FolderParams, left_out: LeftOut) -> Iterator[Dialogue]:
    tally = Tally(file, limits, left_out)
    knows_shape = False
    values = _yaml_values(file) if file.suffix in YAML_ENDINGS else json_values(file)
    for number, value in values:
        if file.packed.trouble():
            return
        found = value if isinstance(value, Broken) else conversation(value, number)
        if found is None and not knows_shape:
            raise unknown_shape(file, _described(value, number), KNOWN)
        found = found or Broken(number, "is in no shape known here")
        if not tally.is_good(found, number) or isinstance(found, Broken):
            continue
        knows_shape = True
        place = f"{file.where}:{number}"
        if found.damaged:
            left_out.add("damaged characters", place, count=found.damaged)
        if found.not_taken:
            left_out.add("message beside the conversation taken", place, count=found.not_taken)
        said = " ".join(message["content"] for message in found.messages)
        yield Dialogue(
            id=f"{SOURCE}/{file.where}#{number}",
            source=SOURCE,
            lang=found.lang or language(said),
            category=found.category or SOURCE,
            messages=found.messages,
        )
    tally.check()


def _yaml_values(file: OpenFile) -> Iterator[tuple[int, Any]]:
    """The conversations of a file as chatterbot-corpus has them."""
    text = decode(file.whole()).text
    if not text.strip():
        raise Undecodable(EMPTY)
    try:
        tree = YAML(typ="safe").load(text)
    except NOT_YAML:
        raise Undecodable("is not YAML") from None
    found = tree.get("conversations") if isinstance(tree, dict) else None
    if not isinstance(found, list):
        raise unknown_shape(file, "it holds no conversations", KNOWN)
    yield from enumerate(found, start=1)


def _described(value: Any, number: int) -> str:
    if isinstance(value, dict):
        return f"record {number} holds {names_in(value)}"
    return f"record {number} is a {type(value).__name__}"
