"""Text in pieces: whole characters from tokens that are bytes, and an end at stop sequences.

A byte-level token may hold half a character, and a stop sequence may come in two pieces: both are
held back until it is known what they are.
"""

from collections.abc import Callable, Iterator, Sequence

BROKEN = "\ufffd"  # what half a character decodes to


class CharacterDecoder:
    """Turns token ids into text as they come, whole characters only.

    Args:
        decode: ids -> text; half a character at the end must come as U+FFFD.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._said = 0  # ids whose text is out
        self._text = ""  # of those ids

    def push(self, token: int) -> str:
        """The new text that a token completes; empty while a character is not whole."""
        self._ids.append(token)
        # An id's text may depend on the one before it (leading blanks), so that one is decoded too.
        since = max(self._said - 1, 0)
        before = self._decode(self._ids[since : self._said])
        after = self._decode(self._ids[since:])
        if after.endswith(BROKEN):
            return ""
        self._said = len(self._ids)
        return after[len(before) :]


class StopFilter:
    """Lets text through up to the first stop sequence.

    Attributes:
        stopped: a stop sequence was found; nothing more comes.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [one for one in stop if one]
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The text that is certainly not part of a stop sequence."""
        if self.stopped:
            return ""
        self._held += text
        found = [at for one in self._stop if (at := self._held.find(one)) >= 0]
        if found:
            self.stopped = True
            out, self._held = self._held[: min(found)], ""
            return out
        keep = max(
            (
                size
                for one in self._stop
                for size in range(1, min(len(one), len(self._held) + 1))
                if self._held.endswith(one[:size])
            ),
            default=0,
        )
        cut = len(self._held) - keep
        out, self._held = self._held[:cut], self._held[cut:]
        return out

    def rest(self) -> str:
        """What was held back, once it is known that nothing more comes."""
        out, self._held = self._held, ""
        return out


def in_words(text: str) -> Iterator[str]:
    """A text in pieces that end after a blank; joined they are the text."""
    start = 0
    for at in range(1, len(text)):
        if text[at - 1].isspace() and not text[at].isspace():
            yield text[start:at]
            start = at
    if text:
        yield text[start:]
