"""The names that a question mentions: ``os.path.join``, ``copytree``, "json dumps".

Any run of words could be a name; which are, the index says. What is told here is how a name is
written, because "copy" in "the copy module" names something and in "copy a file" does not.
"""

import re
from dataclasses import dataclass

from serving.words import HAN, WEAK_WEIGHT, stem, word_lists

NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
# As code is written, not prose: several parts, digits, capitals inside.
CODED = re.compile(r"\.|\w_\w|__|[A-Za-z]\d|[a-z][A-Z]")
LONGEST_NAME = 5  # components
OPENING, CLOSING = "`'\"“‘「", "`'\"”’」"
# What a thing can be called beside its name -> its kind in the documents.
KINDS = {
    "module": "module", "package": "module", "模块": "module", "包": "module",
    "class": "class", "exception": "class", "类": "class",
    "function": "function", "decorator": "function", "函数": "function", "装饰器": "function",
    "method": "method", "方法": "method",
    "statement": "topic", "keyword": "topic", "语句": "topic", "关键字": "topic",
    "constant": "constant", "常量": "constant",
    "property": "property", "属性": "property",
}  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A name that a question mentions, or may mention.

    Attributes:
        text: as the question writes it, its components joined by dots.
        strong: it is written as names are, or the question is about nothing else.
        dotted: the question itself joins the components.
        inside: the dotted name that it is only a part of, lower case; empty if it stands alone.
    """

    text: str
    strong: bool
    dotted: bool = False
    inside: str = ""

    @property
    def components(self) -> int:
        """How many components the name has."""
        return self.text.count(".") + 1


@dataclass(frozen=True)
class _Token:
    text: str
    strong: bool
    said: bool  # not one of the words that every question has


def _tokens(text: str, alone: bool) -> list[_Token]:
    lists = word_lists()
    matches = list(NAME.finditer(text))
    words = [match[0].lower() for match in matches]
    tokens = []
    for number, match in enumerate(matches):
        word = words[number]
        before, after = text[: match.start()][-1:], text[match.end() :]
        quoted = before in set(OPENING) and after[:1] in set(CLOSING)
        beside = words[max(number - 1, 0) : number] + words[number + 1 : number + 2]
        following = re.match(f"\\s?[{HAN}]+", after)
        kind_beside = word not in KINDS and (
            any(other in KINDS for other in beside)
            or (following is not None and following[0].strip().startswith(tuple(KINDS)))
        )
        said = word not in lists.dropped and lists.weights.get(stem(word), 1) > WEAK_WEIGHT
        strong = bool(CODED.search(match[0])) or quoted or after[:1] == "("
        tokens.append(_Token(match[0], strong or kind_beside or (said and alone), said))
    return tokens


def mentioned_names(text: str, *, alone: bool) -> list[Name]:
    """The names in a question, and the runs of its words that could be names.

    Args:
        text: the question.
        alone: the question has but one word that says something, which is then a name.

    Returns:
        Each name once; of the parts of a dotted name, the ends (``path.join``, ``join``).
    """
    tokens = _tokens(text, alone)
    found: dict[str, Name] = {}
    for token in tokens:
        parts = token.text.split(".")
        if len(parts) > 1:
            found[token.text] = Name(token.text, strong=True, dotted=True)
            for at in range(1, len(parts)):
                end = ".".join(parts[at:])
                found.setdefault(end, Name(end, False, at < len(parts) - 1, token.text.lower()))
    for start in range(len(tokens)):
        for size in range(1, LONGEST_NAME + 1):
            run = tokens[start : start + size]
            if len(run) < size or not all(token.said or token.strong for token in run):
                break
            if size == 1 and "." in run[0].text:
                continue
            name = ".".join(token.text for token in run)
            found.setdefault(name, Name(name, all(token.strong for token in run)))
    return list(found.values())
