"""Pieces of documents: where to cut them, what they say first, which part answers a question.

A passage is a run of whole paragraphs, so that what is quoted starts and ends where its author
paused; only a paragraph longer than a whole passage is cut, at the end of a sentence or line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n")
HEADING = re.compile(r"^\s*(#{1,6}\s.*|[=*~^\-#+]{3,})\s*$")
UNDERLINE = re.compile(r"\s*([=*~^\-#+])\1{2,}\s*")
LONGEST_SUMMARY = 240
LONGEST_QUOTE = 600


@dataclass(frozen=True)
class Passage:
    """A piece of a document, as it is indexed and quoted.

    Attributes:
        document_id, title, url: of the document.
        text: the piece itself.
        kind: what the document is about ("function", "class", ...); empty where nobody said.
        signature: how it is called, where it is a thing that is called.
        number: which piece of its document it is; 0 is the first.
    """

    document_id: str
    title: str
    url: str | None
    text: str
    kind: str = ""
    signature: str | None = None
    number: int = 0


def _short_pieces(paragraph: str, longest: int) -> list[str]:
    """A paragraph cut at ends of sentences so that no piece is longer, else in the middle."""
    pieces: list[str] = []
    current = ""
    for sentence in SENTENCE_END.split(paragraph):
        while len(sentence) > longest:
            pieces += [current] if current else []
            current = ""
            cut = sentence.rfind(" ", longest // 2, longest)
            cut = cut if cut > 0 else longest
            pieces.append(sentence[:cut].rstrip())
            sentence = sentence[cut:].lstrip()
        if current and len(current) + 1 + len(sentence) > longest:
            pieces.append(current)
            current = sentence
        else:
            current = f"{current} {sentence}".strip() if current else sentence
    return [piece for piece in [*pieces, current] if piece.strip()]


def cut(text: str, longest: int) -> list[str]:
    """Cut a text into passages of at most ``longest`` characters, at borders of paragraphs.

    A text that fits is one passage, unchanged but for the blank space around it.
    """
    text = text.strip()
    if len(text) <= longest:
        return [text] if text else []
    passages: list[str] = []
    current = ""
    for paragraph in PARAGRAPH.split(text):
        pieces = [paragraph] if len(paragraph) <= longest else _short_pieces(paragraph, longest)
        for piece in pieces:
            if current and len(current) + 2 + len(piece) > longest:
                passages.append(current)
                current = piece
            else:
                current = f"{current}\n\n{piece}" if current else piece
    return [*passages, current] if current else passages


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, headings and rules (``=====``) left out."""
    kept = []
    for paragraph in PARAGRAPH.split(text.strip()):
        lines = paragraph.splitlines()
        lines = [
            line
            for at, line in enumerate(lines)
            if not HEADING.match(line)
            and not (at + 1 < len(lines) and UNDERLINE.fullmatch(lines[at + 1]))
        ]
        if any(line.strip() for line in lines):
            kept.append("\n".join(lines).strip("\n"))
    return kept


def without_signature(text: str, title: str) -> str:
    """A text less the first line, where that only names the title (and how it is called)."""
    first, _, rest = text.lstrip().partition("\n")
    name = first.split("(")[0].strip().lower()
    if rest and name and (name == title.lower() or title.lower().endswith("." + name)):
        return rest.lstrip("\n")
    return text


def summary(text: str, title: str) -> str:
    """What a document says it is about: the first sentence of its first paragraph."""
    kept = paragraphs(without_signature(text, title))
    if not kept:
        return ""
    first = " ".join(kept[0].split())
    sentence = re.split(r"(?<=[.!?])\s|(?<=[。！？])", first, maxsplit=1)[0]
    return sentence[:LONGEST_SUMMARY]


def shortened(text: str, longest: int = LONGEST_QUOTE) -> str:
    """A text of at most so many characters, cut at the end of a line or sentence."""
    if len(text) <= longest:
        return text
    cuts = [match.start() for match in SENTENCE_END.finditer(text, 0, longest)]
    at = cuts[-1] if cuts and cuts[-1] > longest // 3 else text.rfind(" ", 0, longest)
    return text[: at if at > 0 else longest].rstrip() + " ..."


def quote(passage: Passage, relevance: Callable[[str], float]) -> str:
    """The part of a passage that answers a question.

    For the beginning of something that is called: its signature and first paragraph. Otherwise the
    most relevant paragraph, and as much of what follows it as fits.

    Args:
        passage: where to quote from.
        relevance: how well a paragraph fits the question; the first of equals is taken.
    """
    if passage.number == 0 and passage.signature:
        first, _, _ = passage.text.partition("\n")
        kept = paragraphs(without_signature(passage.text, passage.title))
        body = shortened(kept[0]) if kept else ""
        return f"{shortened(first)}\n\n{body}".strip()
    kept = paragraphs(without_signature(passage.text, passage.title))
    if not kept:
        return shortened(passage.text.strip())
    best = max(range(len(kept)), key=lambda at: (relevance(kept[at]), -at))
    text = kept[best]
    for following in kept[best + 1 :]:
        if len(text) + 2 + len(following) > LONGEST_QUOTE:
            break
        text = f"{text}\n\n{following}"
    return shortened(text)
