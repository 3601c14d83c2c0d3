"""What makes a page of HTML cost far more time or memory than its size, and what is done about it.

- Formatting tags that stay open are repeated by the parser in each block that follows (the HTML
  standard, "the list of active formatting elements"), so 1 MB may become a billion nodes. Where
  that threatens, they are made ``<span>``, which is not repeated; the text is the same.
- Each tag may look through all elements that are open: time grows with their number times that of
  the tags. A page where that would take long is refused.
- The time to parse a tag is the square of its attributes: more than any page has are refused.

All is told from the tags' names before anything is parsed.

Not covered: what the parser passes over, as end tags and scripts in a comment, counts as if it were
read, and an SVG's tag outside of one as if it closed itself. So a page made on purpose may still
take minutes.
"""

import re
from collections import Counter

from tasks.ingest.text_encoding import Undecodable

MOST_ATTRIBUTES = 5_000
MOST_NODES = 1_000_000
"""As many repeated nodes take 400 MB."""

MOST_LOOKS = 2_000_000_000
"""Open elements times tags; the slowest that were found take some three seconds for so many."""

FEW_TAGS = 2_000
"""With no more, whatever they are, both stay below their limits."""

FORMATTING = "b big code em font i nobr s small strike strong tt u".split()
"""Those that are repeated. (``a`` is, too, but a second one ends the first.)"""

ALIKE = 3
"""Of elements that are alike, no more are repeated."""

CLOSE_BY_THEMSELVES = frozenset(
    "area base br col embed hr img input link meta param source track wbr"  # have no content
    " a body colgroup dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr".split()
)
HTML_ELEMENTS = CLOSE_BY_THEMSELVES | frozenset(
    "abbr acronym address applet article aside audio b bdi bdo big blink blockquote button canvas"
    " caption center cite code data datalist del details dfn dialog dir div dl em fieldset"
    " figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 header hgroup i iframe"
    " image ins kbd keygen label legend listing main map mark marquee menu meter nav nobr noembed"
    " noframes noscript object ol output picture plaintext pre progress q rb rtc ruby s samp script"
    " search section select slot small span strike strong style sub summary sup table"
    " template textarea time title tt u ul var video xmp".split()
)
"""These never close themselves by ``/>``; others do, in SVG and MathML."""

_VALUE = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s<>"']++)"""
_ATTRIBUTE = rf"""[\s/]*+[^\s<>/="']++(?:{_VALUE})?+"""  # a slash parts them, too, or nothing
_MANY_ATTRIBUTES = re.compile(rf"<[a-z][^\s<>/]*+(?:{_ATTRIBUTE}){{{MOST_ATTRIBUTES}}}", re.I)
# Four times as fast as with re.I: it is asked of nearly every page.
_ANY_CASE = "|".join("".join(f"[{each}{each.upper()}]" for each in name) for name in FORMATTING)
_FORMATTING = re.compile(rf"<(?=[bcefinstuBCEFINSTU])({_ANY_CASE})(?=([\s/>]))")
_FORMATTING_NAME = re.compile(rf"(</?)(?:{_ANY_CASE})(?=[\s/>])")
_TAG = re.compile(r"<(/?[a-z][a-z0-9]*)", re.I)
# A name with a sign in it (my-element, o:p) is none of SVG's.
_CLOSES_ITSELF = re.compile(r"<([a-z][a-z0-9]*)(?:\s[^<>]*)?/>", re.I)
_PROGRAM = re.compile(
    r"<(script|style)(?=[\s/>])[^<]*+(?:<(?!/\1)[^<]*+)*+(?:</|\Z)",
    re.I,
)
"""What stands in it is no tag, as in ``i<n``."""


def bounded(page: str) -> str:
    """The page, as it is parsed in time and memory that go with its size.

    Raises:
        Undecodable: there is no such way; the message is the reason.

    >>> bounded("<p><font color=red>Red")
    '<p><font color=red>Red'
    """
    if _MANY_ATTRIBUTES.search(page):
        raise Undecodable(f"HTML with more than {MOST_ATTRIBUTES:,} attributes of one tag")
    tags = page.count("<")
    if tags <= FEW_TAGS:
        return page
    if _repeated(page) * tags > MOST_NODES:
        page = _FORMATTING_NAME.sub(r"\1span", page)
    if tags * tags > MOST_LOOKS and _open_elements(page) * tags > MOST_LOOKS:
        raise Undecodable("HTML with too many tags that nothing closes")
    return page


def _repeated(page: str) -> int:
    """How many formatting elements a block may have to repeat, at most."""
    plain = Counter[str]()
    others = 0
    for name, end in _FORMATTING.findall(page):
        if end == ">":
            plain[name.lower()] += 1
        else:
            others += 1
    return others + sum(min(ALIKE, count) for count in plain.values())


def _open_elements(page: str) -> int:
    """How many elements may be open at once, at most."""
    page = _PROGRAM.sub("", page)
    found = Counter(name.lower() for name in _TAG.findall(page))
    closed = Counter(name.lower() for name in _CLOSES_ITSELF.findall(page))
    for name in closed.keys() - HTML_ELEMENTS:
        found[name] -= closed[name]
    return sum(
        max(0, count - found["/" + name])
        for name, count in found.items()
        if not name.startswith("/") and name not in CLOSE_BY_THEMSELVES
    )
