"""The language reference that ships with Python, as ``pydoc_data.topics``: one text a topic."""

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.ingest.stdlib.python_source import parse


@dataclass(slots=True)
class Topic:
    """A chapter of the language reference; ``keys`` are pydoc's names for it, the main one first.

    ``words`` are the keywords and symbols of the language that it explains.
    """

    keys: list[str]
    title: str
    text: str
    words: set[str] = field(default_factory=set)


def topics(library: Path) -> list[Topic]:
    """All topics of a library folder, by key; empty where the reference was not installed.

    Topics with the same text (``if`` and ``else``) are one.
    """
    path = library / "pydoc_data" / "topics.py"
    if not path.is_file():
        return []
    found: dict[str, Topic] = {}
    by_key: dict[str, Topic] = {}
    for key, raw in sorted(_assigned(parse(path), "topics").items(), key=_plain_keys_first):
        heading, text = _heading_and_text(key, raw)
        topic = found.setdefault(text, Topic([], heading, text))
        topic.keys.append(key)
        by_key[key] = topic
    for word, key in _keys_of_words(library / "pydoc.py").items():
        if key in by_key and word not in by_key[key].keys:
            by_key[key].words.add(word)
    return list(found.values())


def _keys_of_words(pydoc: Path) -> dict[str, str]:
    """The topic that explains each keyword and symbol, as ``help("with")`` finds it."""
    if not pydoc.is_file():
        return {}
    tree = parse(pydoc)
    labels = _assigned(tree, "topics")
    keys = {}
    for word, target in {**_assigned(tree, "symbols"), **_assigned(tree, "keywords")}.items():
        label = _first_label(target)
        if label.isupper():  # "BOOLEAN" is a label that stands for the topic "booleans"
            label = _first_label(labels.get(label, ""))
        if label:
            keys[word] = label
    return keys


def _first_label(target: str | tuple[str, ...]) -> str:
    """The main topic of pydoc's entries, which are ``("with", "see also")`` or plain strings."""
    label = target if isinstance(target, str) else target[0]
    return label.split(" ")[0]


def _plain_keys_first(item: tuple[str, str]) -> tuple[bool, str]:
    """``if`` before ``else``: the key that the heading names comes first."""
    key, raw = item
    return (f'"{key}"' not in raw.strip().split("\n", 1)[0], key)


def _heading_and_text(key: str, raw: str) -> tuple[str, str]:
    """A topic's heading without its markup, and its text with that heading on the first line."""
    lines = raw.strip().splitlines()
    if len(lines) > 1 and lines[1] and set(lines[1]) <= set("*=-~"):
        heading = lines[0].replace('"', "").strip()
        return heading, f"{heading}\n\n" + "\n".join(lines[2:]).strip()
    return key, f"{key}\n\n{raw.strip()}"


def _assigned(tree: ast.AST, name: str) -> dict[str, Any]:
    """The dictionary of literals that a file assigns to a name, at the top level or in a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            if any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return {
                    ast.literal_eval(key): ast.literal_eval(value)
                    for key, value in zip(node.value.keys, node.value.values, strict=True)
                    if key is not None and isinstance(value, ast.Constant | ast.Tuple)
                }
    return {}
