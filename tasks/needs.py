"""The need that a document meets, from its summary: "Copy a file." -> to copy a file.

Documentation sums up in one of two ways: what a thing does ("Copy data from src to dst",
"Copies ...") or what it is ("A queue with a limit"). A person who has the need but not the name
would ask in those words. A summary of any other form makes no need.
"""

import re
from typing import NamedTuple

# The verbs that documentation opens with; anything else is not turned into a need, because
# "How do I low-level interface to ...?" teaches nobody anything.
VERBS = frozenset(
    "abort accept acquire add adjust allocate answer append apply assert assign attach authenticate"
    " begin bind block bring build cache calculate call cancel cause change check clean clear close"
    " collapse collect combine commit compare compile compress compute concatenate configure"
    " connect construct consume continue convert copy count create deactivate debug decode decrease"
    " decompress decrypt define delete deliver delay detach detect determine disable disassemble"
    " discard display divide download draw dump duplicate edit emit empty enable encode encrypt end"
    " enqueue ensure enter enumerate erase escape establish evaluate examine execute exit expand"
    " export extend extract fetch fill filter find finish flatten flush force fork format gather"
    " generate get give group guess handle hash hide identify ignore implement import increase"
    " indicate inform initialize insert inspect install invert invoke iterate join keep kill launch"
    " let limit link list listen load locate lock log look lookup lower make map mark match measure"
    " merge mimic modify monitor mount move multiply negate normalize notify obtain open order"
    " override overwrite pack parse partition pass patch pause perform permute pick place play poll"
    " pop post prepare preserve prevent print process produce prompt provide publish pull push put"
    " query quote raise randomly read rebuild receive record redirect reduce refresh register"
    " release reload remove rename render repeat replace report represent request require reset"
    " resize resolve restore restrict resume retrieve return reverse rewind rotate round run save"
    " scan schedule scroll search seek select send serialize serve set shift show shuffle shut"
    " shutdown signal simulate skip sleep sort specify split spawn start stop store strip submit"
    " subtract sum suspend swap switch synchronize take tell terminate test tokenize toggle trace"
    " transform translate traverse trim truncate try turn unbind undo unescape unlink unlock"
    " unpack unquote unregister unset untokenize update upload use validate verify visit wait walk"
    " warn watch wrap write yield zip".split()
)

_ADVERB = re.compile(r"[a-z]+ly")


class Need(NamedTuple):
    """A summary sentence turned into the words of a question.

    Attributes:
        sort: "does" where ``base`` is a verb phrase, "is" where it is a noun phrase.
        base: what a person would want to do, or to have ("copy a file", "a queue with a limit").
        third: the same, said of the document ("copies a file"); empty where ``sort`` is "is".
    """

    sort: str
    base: str
    third: str = ""


def need(summary: str) -> Need | None:
    """Turn a summary sentence into a need, or say that it does not make one.

    >>> need("Return the size of a file.")
    Need(sort='does', base='get the size of a file', third='returns the size of a file')
    >>> need("A queue with a limit on its size.").base
    'a queue with a limit on its size'
    """
    phrase = re.sub(r"\s+", " ", summary).rstrip(" .:;,").strip()
    words = phrase.split(" ")
    if not 4 <= len(words) <= 30 or phrase.endswith(("?", "!")):
        return None
    if words[0] in ("A", "An", "The"):
        return Need("is", " ".join([words[0].lower(), *words[1:]]))
    at = 1 if _ADVERB.fullmatch(words[0].lower()) else 0
    adverb, verb, rest = words[0].lower() if at else "", words[at].lower(), words[at + 1 :]
    verb = _base_form(verb)
    if verb not in VERBS or rest[0].strip(",") == "None":
        return None
    tail = " ".join(rest)
    if verb == "return":
        return _return_need(tail)
    base = re.sub(r"\band returns\b", "and return", tail)
    third = re.sub(r"\band return\b", "and returns", tail)
    return Need(
        "does",
        " ".join(filter(None, (adverb, verb, base))),
        " ".join(filter(None, (adverb, _third_person(verb), third))),
    )


def _return_need(tail: str) -> Need:
    """The need behind "Return ...": to get it, or to learn whether something holds."""
    whether = re.match(r"(?:True|1|true) (?:if|when|iff) |(?:whether|if) (?:or not )?", tail)
    if not whether:
        return Need("does", f"get {tail}", f"returns {tail}")
    condition = re.split(r",? (?:and )?(?:False|0|false) otherwise|; ", tail[whether.end() :])[0]
    condition = re.sub(r", ?(?:otherwise|else) .*$|, (?:and )?False if .*$", "", condition)
    return Need("does", f"check whether {condition}", f"tells whether {condition}")


def _base_form(verb: str) -> str:
    """The verb without its third-person ending, where it is a known one ("copies" -> "copy")."""
    if verb in VERBS:
        return verb
    for ending, base in (("ies", "y"), ("es", ""), ("s", "")):
        if verb.endswith(ending) and verb.removesuffix(ending) + base in VERBS:
            return verb.removesuffix(ending) + base
    return verb


def _third_person(verb: str) -> str:
    """A verb with its third-person ending ("copy" -> "copies")."""
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x", "z", "o")) else "s")
