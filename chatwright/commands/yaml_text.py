"""One value changed in the text of a YAML file, and not a character beside it.

A library that writes the whole tree anew keeps most comments, not all: those below a list or a
section belong to its last item, and go with it. So the value's place is looked up in the parsed
tree and cut out of the text.
"""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode


def in_one_line(value: Any) -> str:
    """A value as YAML on one line.

    >>> in_one_line({"languages": ["en", "zh"], "limit": None})
    '{languages: [en, zh], limit: null}'
    """
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = True, 10**6, False
    text = io.StringIO()
    yaml.dump({"v": value}, text)  # alone, a number would get an end-of-document mark
    return text.getvalue().strip().removeprefix("{v: ").removesuffix("}")


def with_value(text: str, key: str, value: Any) -> str:
    """The text of a mapping in which ``key`` (``section.name``) has another value.

    A key that is not there is added below the last one of its section.
    """
    node = YAML(pure=True).compose(text)
    colon = 0
    names = key.split(".")
    for depth, name in enumerate(names):
        pair = _pair(node, name)
        if pair is None:
            for inner in reversed(names[depth + 1 :]):
                value = {inner: value}
            return _with_key(text, node, name, value)
        colon, node = _colon(text, pair[0]), pair[1]
    start = colon if _is_empty(node) else node.start_mark.index
    # A comment may stand between a key and a list below it.
    between = text[colon:start].rstrip()
    return f"{text[:colon]} {in_one_line(value)}{between}{text[_end(text, colon, node) :]}"


def _pair(node: Node, name: str) -> tuple[Node, Node] | None:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((pair for pair in pairs if pair[0].value == name), None)


def _colon(text: str, key: Node) -> int:
    """The place behind a key's colon."""
    return text.index(":", key.end_mark.index) + 1


def _is_empty(node: Node) -> bool:
    """Whether nothing is written; the parser's place for that is where the next thing begins."""
    return bool(node.start_mark.index == node.end_mark.index)


def _end(text: str, colon: int, node: Node) -> int:
    """Where a value ends; what the parser says of a block includes the comments below it."""
    if _is_empty(node):
        return colon
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
        if isinstance(node, SequenceNode):
            return _end(text, colon, node.value[-1])
        key, last = node.value[-1]
        return _end(text, _colon(text, key), last)
    return int(node.end_mark.index)


def _with_key(text: str, section: MappingNode, name: str, value: Any) -> str:
    end = _end(text, 0, section)
    written = f"{name}: {in_one_line(value)}"
    if section.flow_style:
        return f"{text[: end - 1]}{', ' if section.value else ''}{written}{text[end - 1 :]}"
    newline = text.find("\n", end)
    line_end = len(text) if newline < 0 else newline
    ending = "\n"
    if text[line_end - 1] == "\r":
        line_end, ending = line_end - 1, "\r\n"
    indent = " " * section.value[-1][0].start_mark.column
    return f"{text[:line_end]}{ending}{indent}{written}{text[line_end:]}"
