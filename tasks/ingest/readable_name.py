"""A file's name as text, in whichever encoding the machine that gave it wrote it.

Notable choice: what is not UTF-8 may be a name in an older encoding, or one in UTF-8 with a byte
gone wrong. It is the second where its UTF-8 beyond ASCII is long for chance, or makes usual letters
of some language, or where the first would make no more of them. Then only the bytes that went wrong
are escaped, and the rest stays readable.
"""

from tasks.ingest.text_encoding import LANGUAGES, NEUTRAL, Undecodable, decode

LONG_FOR_CHANCE = 4
"""So many bytes of UTF-8 beyond ASCII for each one that went wrong."""

USUAL = frozenset().union(*(characters for _, _, characters in LANGUAGES))


def readable_name(raw: bytes) -> str:
    r"""The name; bytes that stand for no character come as ``\xff``.

    >>> readable_name("für-".encode() + b"\xff.txt")
    'für-\\xff.txt'
    >>> readable_name("für.txt".encode("latin-1"))
    'für.txt'
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass  # then either some bytes of it are wrong or all of it is something else
    escaped = raw.decode("utf-8", errors="backslashreplace")
    right = raw.decode("utf-8", errors="ignore")
    wrong_bytes = len(raw) - len(right.encode())
    beyond_ascii = [each for each in right if each > "\x7f"]
    if len("".join(beyond_ascii).encode()) >= LONG_FOR_CHANCE * wrong_bytes:
        return escaped
    if len(beyond_ascii) >= wrong_bytes and _usual_share(right) == 1:
        return escaped
    try:
        guessed = decode(raw).text
    except Undecodable:
        return escaped
    damaged = raw.decode("utf-8", errors="replace")
    return guessed if _usual_share(guessed) > _usual_share(damaged) else escaped


def _usual_share(name: str) -> float:
    """Which share of the characters that tell something are usual ones of some language."""
    telling = [each for each in name.lower() if each > "\x7f" and each not in NEUTRAL]
    return sum(each in USUAL for each in telling) / max(len(telling), 1)
