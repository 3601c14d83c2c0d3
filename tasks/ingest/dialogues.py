"""The source ``dialogues``: small talk in English and Chinese, from the package chatterbot-corpus.

Its files are lists of conversations, each a list of what one and then the other says: the first
is taken for the user, the second for the assistant, and so on. Categories named in
``ingest.dialogues.without`` stay out; by default those that would teach an assistant to trade
insults (psychology), to hold forth on parties and presidents (politics), or to tell invented
news of real people (gossip).
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from chatwright.errors import MissingInput
from tasks.documents import Dialogue
from tasks.ingest.left_out import LeftOut
from tasks.params_ingest import DialoguesParams
from tasks.progress import Progress, silent

SOURCE = "dialogues"
NOT_YAML = (YAMLError, ValueError, LookupError, RecursionError)
"""What ruamel.yaml raises: also for 2020-13-45, ``!!int ""``, [[[[[[."""
CODES = {"english": "en", "chinese": "zh"}


def dialogues(
    params: DialoguesParams,
    left_out: LeftOut,
    *,
    data: Traversable | None = None,
    progress: Progress = silent,
) -> Iterator[Dialogue]:
    """The conversations of the chosen languages, in the order of the files.

    Args:
        params: which languages, and which categories not.
        left_out: gets counted what is broken, doubled or not wanted.
        data: the folder with a folder of YAML files a language, if not the package's.

    Raises:
        MissingInput: the package lacks a language.
    """
    data = data or files("chatterbot_corpus") / "data"
    for name in params.languages:
        folder = data / name
        if not folder.is_dir():
            raise MissingInput(
                f"chatterbot-corpus, {name}", "there is no such language", "Install 1.3.3"
            )
        paths = sorted((p for p in folder.iterdir() if p.name.endswith(".yml")), key=str)
        for number, path in enumerate(paths):
            progress(number, len(paths), "files")
            category = path.name.removesuffix(".yml")
            if category in params.without:
                where = f"{CODES[name]}/{path.name}"
                left_out.add(f"category not wanted: {category}", where)
                continue
            yield from conversations(path, CODES[name], category, left_out)


def conversations(
    path: Traversable, lang: str, category: str, left_out: LeftOut
) -> Iterator[Dialogue]:
    """The conversations of one file; broken ones are counted and named by their place in it."""
    where = f"{lang}/{path.name}"
    try:
        tree = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except NOT_YAML:
        left_out.add("file cannot be parsed", where)
        return
    found = tree.get("conversations") if isinstance(tree, dict) else None
    if not isinstance(found, list):
        left_out.add("file without conversations", where)
        return
    seen: set[tuple[str, ...]] = set()
    for number, conversation in enumerate(found, start=1):
        said, place = turns(conversation), f"{where}, conversation {number}"
        if said is None:
            left_out.add("broken conversation", place)
            continue
        if len(said) % 2:
            left_out.add("last turn without a reply", place)
            said = said[:-1]
        if not said:
            continue
        if tuple(said) in seen:
            left_out.add("same conversation twice", place)
            continue
        seen.add(tuple(said))
        yield Dialogue(
            id=f"{SOURCE}/{lang}/{category}/{number:04d}",
            source=SOURCE,
            lang=lang,
            category=category,
            messages=[
                {"role": ("user", "assistant")[turn % 2], "content": content}
                for turn, content in enumerate(said)
            ],
        )


def turns(conversation: Any) -> list[str] | None:
    """What is said in a conversation, each turn on one line; None if it is not a list of texts."""
    if not isinstance(conversation, list) or not conversation:
        return None
    if not all(isinstance(turn, str | int | float) for turn in conversation):
        return None
    said = [" ".join(str(turn).split()) for turn in conversation]
    return said if all(said) else None
