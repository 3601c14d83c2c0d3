"""The shapes in which conversations are published, each told by what a record holds.

OpenAI's ``messages``; ShareGPT's ``conversations`` of ``from`` and ``value``; Alpaca's
``instruction``, ``input`` and ``output``; OASST's trees of messages, of which the best path is
taken; and lists of turns as chatterbot-corpus has them. All become messages of ``role`` and
``content`` in which user and assistant take turns.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tasks.ingest.dialogues import turns
from tasks.ingest.language import primary
from tasks.ingest.records import Broken, Conversation, sound

KNOWN = (
    "OpenAI messages, ShareGPT conversations, Alpaca instructions, OASST trees and chatterbot YAML"
)
SIDES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
}
TOOLS = {"tool", "function", "function_call", "observation", "ipython"}

Said = list[tuple[str, Any]]


def conversation(value: Any, number: int) -> Conversation | Broken | None:
    """The conversation in a record, or why it cannot be used; None for an unknown shape."""
    if isinstance(value, list):
        said = turns(value)
        if said is None:
            return Broken(number, "is no list of turns")
        sides = [(("user", "assistant")[place % 2], text) for place, text in enumerate(said)]
        return _checked(sides, {}, number)
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("messages"), list):
        return _checked(_pairs(value["messages"], "role", "content"), value, number)
    if isinstance(value.get("conversations"), list):
        return _checked(_sharegpt(value), value, number)
    tree = value.get("prompt") if isinstance(value.get("prompt"), Mapping) else value
    if isinstance(tree, Mapping) and {"text", "role", "replies"} <= tree.keys():
        path = list(_best_path(tree))
        return _checked(path, tree, number, not_taken=_messages(tree) - len(path))
    if {"instruction", "output"} <= value.keys():
        return _checked(_alpaca(value), value, number)
    return None


def _pairs(messages: list[Any], side: str, content: str) -> Said:
    return [
        (str(each.get(side)), _plain(each.get(content), each))
        if isinstance(each, Mapping)
        else ("", None)
        for each in messages
    ]


def _plain(content: Any, message: Mapping[str, Any]) -> Any:
    """The text of a message whose content may be a list of parts; None where it calls a tool."""
    if message.get("tool_calls") or message.get("function_call"):
        return None
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        return None
    return "\n".join(str(part.get("text", part.get("value", ""))) for part in content)


def _sharegpt(value: Mapping[str, Any]) -> Said:
    said = _pairs(value["conversations"], "from", "value")
    if isinstance(value.get("system"), str) and value["system"].strip():
        said.insert(0, ("system", value["system"]))
    if isinstance(value.get("chosen"), Mapping):  # one of a pair of replies: the preferred one
        said += _pairs([value["chosen"]], "from", "value")
    return said


def _alpaca(value: Mapping[str, Any]) -> Said:
    said: Said = []
    if isinstance(value.get("system"), str) and value["system"].strip():
        said.append(("system", value["system"]))
    history = value.get("history") or []
    for turn in history if isinstance(history, list) else [None]:
        if not isinstance(turn, list) or len(turn) != 2:
            return [("", None)]
        said += [("user", turn[0]), ("assistant", turn[1])]
    asked, more = value["instruction"], value.get("input")
    if isinstance(asked, str) and isinstance(more, str) and more.strip():
        asked = f"{asked}\n{more}"
    return [*said, ("user", asked), ("assistant", value["output"])]


def _best_path(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """From the prompt down, each time by the reply of the best rank that was not taken down."""
    while True:
        yield str(node.get("role")), node.get("text")
        given = node.get("replies") or []
        if not isinstance(given, list):
            yield "", None
            return
        replies = [
            reply
            for reply in given
            if isinstance(reply, Mapping)
            and not reply.get("deleted")
            and reply.get("review_result") is not False
        ]
        if not replies:
            return
        node = min(replies, key=_rank)  # of equals the first


def _messages(tree: Mapping[str, Any]) -> int:
    """How many messages a tree has."""
    count, open_nodes = 0, [tree]
    while open_nodes:
        count += 1
        replies = open_nodes.pop().get("replies") or []
        if isinstance(replies, list):
            open_nodes += [reply for reply in replies if isinstance(reply, Mapping)]
    return count


def _rank(reply: Mapping[str, Any]) -> float:
    rank = reply.get("rank")
    return rank if isinstance(rank, int | float) else float("inf")


def _checked(
    said: Said, value: Mapping[str, Any], number: int, *, not_taken: int = 0
) -> Conversation | Broken:
    """A conversation in which user and assistant take turns, from the first question to the last
    reply; what stands before and after is not taken."""
    if value.get("label") is False:
        return Broken(number, "conversation marked as bad", is_empty=True)
    kept: list[dict[str, str]] = []
    damaged = 0
    for side, content in said:
        if side in TOOLS or (content is None and side in SIDES):
            return Broken(number, "conversation with tools or pictures", is_empty=True)
        if side not in SIDES or not isinstance(content, str):
            return Broken(number, "a message lacks its side (user, assistant) or its text", side)
        if not content.strip():
            return Broken(number, "conversation with an empty message", is_empty=True)
        role = SIDES[side]
        content = sound(content.strip())
        damaged += content.count("\ufffd")
        if role == "system" and kept:
            return Broken(number, "system message in the middle")
        if role == "assistant" and (not kept or kept[-1]["role"] == "system"):
            not_taken += 1  # a greeting before anyone has asked
            continue
        if kept and kept[-1]["role"] == role:
            return Broken(number, "one side speaks twice in a row", is_empty=True)
        kept.append({"role": role, "content": content})
    if kept and kept[-1]["role"] == "user":
        kept.pop()
        not_taken += 1
    if not kept or kept[-1]["role"] != "assistant":
        return Broken(number, "conversation without an assistant's reply", is_empty=True)
    lang, category = value.get("lang"), value.get("category")
    return Conversation(
        kept,
        (primary(lang) or None) if isinstance(lang, str) else None,
        category if isinstance(category, str) and category else None,
        number,
        damaged,
        not_taken,
    )
