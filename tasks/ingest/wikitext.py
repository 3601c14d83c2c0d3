"""MediaWiki's markup to text: what a reader of the page would read, without its apparatus.

Templates and tables go, but for the few templates that are part of a sentence (wikitext_names.py);
so do references, comments, formulas, galleries and files. Links become their text, headings lines
of their own, list items lines that begin with ``-``. Of the variants of Chinese, simplified is
taken: ``-{zh-hans:软件; zh-hant:軟體}-`` is ``软件``.

Notable choices: brackets are matched on a stack in one pass, so nesting of any depth is no
recursion and takes linear time, and every pattern is such that no page makes it quadratic. What is
never closed is text, as it is for MediaWiki. Our own and not mwparserfromhell's ``strip_code``,
which leaves tables in and takes out all templates.
"""

import html
import re
from collections.abc import Container

from tasks.ingest.wikitext_names import HIDDEN_NAMESPACES, NO_LANGUAGES, visible

DEEPEST = 200
"""What stands deeper than so many open brackets is left out: each one copies what is in it."""

_DROPPED = (
    "ref|references|math|chem|ce|gallery|timeline|score|imagemap|graph|hiero|inputbox|mapframe"
    "|maplink|templatedata|templatestyles|indicator|categorytree|includeonly|table|style|section"
)
_LITERAL = "nowiki|pre|syntaxhighlight|source"
_TAG = re.compile(rf"<!--|-->|<(/?)({_DROPPED}|{_LITERAL})(?![\w-])([^<>]*)>", re.I)
_BRACKET = re.compile(r"\{\{+|\}\}+|\[\[|\]\]|\{\||\|\}(?!\})")
_BRACKET_AND_VARIANT = re.compile(r"-\{(?!\{)|\}-|" + _BRACKET.pattern)

_LITERAL_TAG = re.compile(rf"<(?:{_LITERAL})", re.I)
_WRITTEN_TWICE = re.compile("[\u0400-\u04ff\u4e00-\u9fff]")
"""Cyrillic and Han: wikis with variants are of languages in these. In English, a substance may be
called 2-{...}-."""

# The plain ones go first: the matcher alone is ten times as fast as the stack for the others.
_PLAIN_LABEL = re.compile(r"\[\[[^\[\]{}|:\n]+\|([^\[\]{}|\n]+)\]\]")
_PLAIN_LINK = re.compile(r"\[\[([^\[\]{}|:_\n]+)\]\]")
_PLAIN_REFERENCE = re.compile(r"<ref(?:\s[^<>]*)?(?:/>|(?<!/)>[^<>]*</ref>)")

_LANGUAGE = re.compile(r"(?:[a-z]{2,3}|simple|[a-z]{2,3}-[a-z-]{2,12})$")
_VARIANT = re.compile(r"(?:^|;)\s*([a-z]{2,3}(?:-[a-z]+){0,2})\s*:", re.I)
_VARIANTS = ("zh-hans", "zh-cn", "zh", "zh-sg", "zh-my", "zh-hant", "zh-tw", "zh-hk", "zh-mo")
_UNSEEN_FLAGS = frozenset("HT-")
"""Of ``-{flags|rules}-``: a rule for the rest of the page, the page's title, a rule taken back."""

_WEB_LINK = re.compile(r"\[(?:(?:https?|ftps?|irc|news|gopher)://|mailto:|//)([^\[\]\n]*)\]")
_QUOTES = re.compile(r"'''''|'''|''")
_BREAK = re.compile(r"<(?:br|hr|/?p|/?div|/?blockquote|/?poem|/?center)(?![\w-])[^<>]*>", re.I)
_POWER = re.compile(r"<sup[^<>]*>(?=[-−+]?\d)", re.I)
_ANY_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:[\s/][^<>]*)?>")
_SWITCH = re.compile(r"__[^\W\d_a-z]+__")
# Each begins with a literal: the matcher then skips to it, which is five times as fast as ``^``.
_HEADING = re.compile(r"\n(=[^\n]*=)[ \t]*(?=\n|\Z)")
_ITEM = re.compile(r"\n([*#:;]+)[ \t]*")
_EMPTY_ITEM = re.compile(r"\n *- *(?=\n|\Z)")
_LOST_ROW = re.compile(r"\n[ \t]*(?:\||![^\n]*!!)[^\n]*")
_RULE = re.compile(r"\n-{4,}")
_HOLE = re.compile(r" \([\s,;:–-]*\)|\([\s,;:–-]*\)|（[\s,;:，；：、]*）")
_HOLE_BEFORE = re.compile(r"([(（])[ \t]*[,;，；、][ \t,;，；、]*")
_HOLE_AFTER = re.compile(r"[,;:，；：、][ \t,;:，；：、]{0,20}(?=[)）])")
_SPACES = re.compile(r"  (?<=\S  ) *")
_BLANK_LINES = re.compile(r"\n\n\n+")
_ESCAPED = str.maketrans({c: f"&#{ord(c)};" for c in "[]{}|'*#:;=_<>~-!"})


def text_of(wikitext: str, hidden: Container[str] = HIDDEN_NAMESPACES) -> str:
    """The text of a page.

    Args:
        wikitext: its markup, XML's own escapes taken off.
        hidden: the names, in small letters, of the namespaces a link to which shows nothing:
            those of files and categories, in the wiki's language.

    >>> text_of("'''Ada''' {{lang|fr|née}} [[George Byron|Byron]]<ref>OED</ref> [[File:a.png]]")
    'Ada née Byron'
    """
    text = wikitext.replace("\r\n", "\n")
    if "<" in text:
        text = _without_elements(text)
    text = _PLAIN_LINK.sub(r"\1", _PLAIN_LABEL.sub(r"\1", text))
    text = _without_brackets(text, hidden)
    if "[" in text:
        text = _WEB_LINK.sub(_label, text)
    text = _QUOTES.sub("", text)
    if "<" in text:
        text = _ANY_TAG.sub("", _POWER.sub("^", _BREAK.sub("\n", text)))
    text = _RULE.sub("\n", _LOST_ROW.sub("\n", "\n" + _SWITCH.sub("", text)))
    text = _EMPTY_ITEM.sub("", _ITEM.sub(_item, text))
    text = _with_plain_headings(text)
    if "&" in text:
        # Twice: editors paste what was escaped already.
        text = html.unescape(html.unescape(text)).replace("\xa0", " ").replace("\u200e", "")
    text = _HOLE_AFTER.sub("", _HOLE_BEFORE.sub(r"\1", _HOLE.sub("", text)))
    text = "\n".join(map(str.rstrip, _SPACES.sub(" ", text).split("\n")))
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def _without_elements(text: str) -> str:
    """Without comments and what readers do not read; what is not markup, made safe."""
    if not _LITERAL_TAG.search(text):
        text = _PLAIN_REFERENCE.sub("", text)
    tags = list(_TAG.finditer(text))
    last_end = {
        "--" if tag[0] == "-->" else tag[2].lower(): tag.start()
        for tag in tags
        if tag[1] or tag[0] == "-->"
    }
    out: list[str] = []
    position = 0
    name, since, depth = "", 0, 0  # the open element, where its content begins, how deep in itself
    for tag in tags:
        found = "--" if not tag[2] else tag[2].lower()
        closes = tag[0] == "-->" or bool(tag[1])
        if name and found == name and closes:
            depth -= 1
            if not depth:
                if name in _LITERAL.split("|"):
                    out.append(text[since : tag.start()].translate(_ESCAPED))
                position, name = tag.end(), ""
        elif name and found == name == "table":
            depth += not tag[3].endswith("/")
        elif name == "ref" and found == "ref" and not tag[3].endswith("/"):
            # The one before was never closed: what stands between them is text.
            out.append(text[since : tag.start()])
            since = tag.end()
        elif not name:
            out.append(text[position : tag.start()])
            position = tag.end()
            is_whole = closes or (bool(tag[2]) and tag[3].endswith("/"))
            if is_whole:
                out.append(tag[0] if found == "--" else "")
                continue
            if found == "--" and last_end.get("--", -1) < tag.start():
                return "".join(out)  # a comment without an end: so for MediaWiki
            if last_end.get(found, -1) >= tag.end():
                name, since, depth = found, tag.end(), 1
    # Of tables inside one another, one may lack its end.
    out.append(text[since if name else position :])
    return "".join(out)


def _without_brackets(text: str, hidden: Container[str]) -> str:
    """Templates, tables, links and variants of Chinese as the text that they show."""
    has_variants = "-{" in text and _WRITTEN_TWICE.search(text)
    pattern = _BRACKET_AND_VARIANT if has_variants else _BRACKET
    out: list[str] = []
    opened: list[tuple[str, int]] = []  # what, and where in ``out`` its content begins
    position = 0
    count = {"{": 0, "[": 0, "|": 0, "-": 0}

    def closed(kind: str) -> list[str] | None:
        """What stands in the innermost of a kind; what was opened in it is not closed any more."""
        if not count[kind]:
            return None
        while True:
            found, begin = opened.pop()
            count[found] -= 1
            if found == kind:
                break
        content = out[begin:] if len(opened) < DEEPEST else []
        del out[begin:]
        return content

    for bracket in pattern.finditer(text):
        start, end = bracket.span()
        token = text[start:end]
        if start > position:
            out.append(text[position:start])
        position = end
        if token == "[[":
            opened.append(("[", len(out)))
            count["["] += 1
        elif token == "]]":
            if (content := closed("[")) is not None:
                out.append(_link("".join(content), hidden))
        elif token[:2] == "{{":
            for _ in range(len(token) // 2):
                opened.append(("{", len(out)))
            count["{"] += len(token) // 2
        elif token[:2] == "}}":
            for _ in range(min(len(token) // 2, count["{"])):
                out.append(visible(closed("{") or []))
        elif token == "{|":
            before = text[max(0, start - 20) : start].rpartition("\n")
            if (before[1] or start < 20) and not before[2].strip(" \t:*#"):
                opened.append(("|", len(out)))
                out.append("\n|")  # should it never end, it is taken for a row by what comes later
                count["|"] += 1
        elif token == "|}":
            closed("|")
        elif token == "-{":
            opened.append(("-", len(out)))
            count["-"] += 1
        elif (content := closed("-")) is not None:
            out.append(_variant("".join(content)))
        else:
            out.append(token)
    out.append(text[position:])
    return "".join(out)


def _link(content: str, hidden: Container[str]) -> str:
    """What a link shows: its last part, or its target; nothing of a file or a category."""
    target, bar, label = content.partition("|")
    space, colon, _ = target.partition(":")
    if colon:
        if not space.strip():
            target = target.lstrip(" :")
        else:
            space = space.strip().replace("_", " ")
            if space.lower() in hidden or (_LANGUAGE.match(space) and space not in NO_LANGUAGES):
                return ""
    if bar and label:
        return label.rpartition("|")[2] if "|" in label else label
    return target.strip().replace("_", " ")


def _variant(content: str) -> str:
    """What ``-{...}-`` shows: simplified Chinese where there is a choice."""
    flags, bar, rules = content.rpartition("|")
    if bar and _UNSEEN_FLAGS & set(flags.upper().replace(" ", "").split(";")):
        return ""
    starts = list(_VARIANT.finditer(rules))
    if not starts:
        return rules
    ends = [each.start() for each in starts[1:]] + [len(rules)]
    by_variant = {
        each[1].lower(): rules[each.end() : end].strip(" ;\n")
        for each, end in zip(starts, ends, strict=True)
    }
    wanted = next((name for name in _VARIANTS if name in by_variant), starts[0][1].lower())
    return by_variant[wanted]


def _label(link: re.Match[str]) -> str:
    """What a link into the web shows; nothing where it is but a number."""
    return link[1].partition(" ")[2].strip()


def _item(item: re.Match[str]) -> str:
    marks = item[1]
    return "\n" + ("  " * (len(marks) - 1) + "- " if marks[-1] in "*#" else "")


def _with_plain_headings(text: str) -> str:
    """Headings as lines of their own, those with nothing below them left out."""
    out: list[str] = []
    waiting: list[tuple[int, str]] = []  # headings that have no text below them so far
    position = 0
    for heading in _HEADING.finditer(text):
        line = heading[1]
        level = min(len(line) - len(line.lstrip("=")), len(line) - len(line.rstrip("=")))
        body = text[position : heading.start()]
        position = heading.end()
        if body.strip():
            out += [f"\n\n{title}\n\n" for _, title in waiting if title]
            out.append(body)
            waiting = []
        while waiting and waiting[-1][0] >= level:
            waiting.pop()
        waiting.append((level, line[level:-level].strip()))
    if text[position:].strip():
        out += [f"\n\n{title}\n\n" for _, title in waiting if title]
        out.append(text[position:])
    return "".join(out)
