"""What a tokenizer makes of the texts: how short they become, and which tokens are of no use.

A token that is in the vocabulary but not in the training texts is never learnt: at best a waste,
at worst one that makes a model say anything (a "glitch token"; Land and Bartolo 2024, "Fishing for
Magikarp"). Merges leave some behind: what stands only inside longer tokens.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel
from tokenizers import Tokenizer

from model.token_bytes import token_bytes
from model.tokenizer import ids_of
from model.word_encoder import WordEncoder, batches
from tasks.training_texts import TrainingTexts

NAMED = 10
"""So many of the longest tokens and of the glitch tokens are named."""

FREQUENT = 100
"""A token seen less often is learnt badly (Gowda and May 2020)."""


class NamedToken(BaseModel):
    """A token, its length in bytes, and how often it stands in the training texts."""

    id: int
    token: str
    bytes: int
    times: int


class TokenizerReport(BaseModel):
    """What came of it.

    Attributes:
        wanted_vocab_size: None: it was to be chosen by the corpus.
        documents, training_bytes: texts that it learnt from, turns of dialogues included.
        training_share: those bytes, as a share of what there is; 1 unless it is a large corpus.
        bytes_per_token: by language, of those.
        validation_bytes_per_token: of held-out documents, which it has not seen; of the same share.
        dialogues_bytes_per_token: of the turns of the dialogues.
        unknown_tokens: what it has no token for, in all of these; 0 for a tokenizer of bytes.
        frequent_share: the share of its tokens, special ones and single bytes aside, that stand
            in the texts that it learnt from ``FREQUENT`` times or more.
        unused_bytes: single bytes that do not stand there; text in other scripts needs them.
        glitch_tokens: other tokens that do not, as far as texts were read; the first are in
            ``glitch_token_samples``.
        longest_tokens: by bytes.
    """

    vocab_size: int
    wanted_vocab_size: int | None
    documents: int
    training_bytes: int
    training_share: float
    bytes_per_token: dict[str, float]
    validation_bytes_per_token: dict[str, float]
    dialogues_bytes_per_token: dict[str, float]
    unknown_tokens: int
    frequent_share: float
    unused_bytes: int
    glitch_tokens: int
    glitch_token_samples: list[NamedToken]
    longest_tokens: list[NamedToken]

    def line(self) -> str:
        """The main of it, for the log."""
        longest = self.longest_tokens[0] if self.longest_tokens else None
        return (
            f"bytes a token: {_listed(self.bytes_per_token)}"
            f"; of held-out documents: {_listed(self.validation_bytes_per_token) or 'none'}"
            f"; {self.frequent_share:.0%} of the tokens are frequent, "
            f"{self.glitch_tokens} never used, {self.unknown_tokens} unknown"
            + (f"; the longest has {longest.bytes} bytes" if longest else "")
            + ("" if self.training_share == 1 else f"; of {self.training_share:.1%} of the text")
        )


def _listed(by_language: Mapping[str, float]) -> str:
    return ", ".join(f"{lang} {value:.2f}" for lang, value in by_language.items())


def report_on(tokenizer: Tokenizer, texts: TrainingTexts, *, wanted: int | None) -> TokenizerReport:
    """What a tokenizer makes of the texts of each language.

    Args:
        tokenizer: which may have learnt from them, or not.
        texts: what it is measured on.
        wanted: the size of the vocabulary that was asked for.
    """
    text_only = Tokenizer.from_str(tokenizer.to_str())
    text_only.encode_special_tokens = True
    text_only.no_truncation()
    text_only.no_padding()
    encoder = WordEncoder(text_only)
    size = ids_of(tokenizer)
    of_documents, of_turns, of_held_out = (
        {lang: Counted.of(encoder, some, size) for lang, some in kind.items()}
        for kind in (texts.documents, texts.turns, texts.held_out)
    )
    nothing = Counted(0, 0, np.zeros(size, np.int64))
    learnt = {
        lang: of_documents.get(lang, nothing) + of_turns.get(lang, nothing)
        for lang in of_documents.keys() | of_turns.keys()
    }
    times = sum((each.times for each in learnt.values()), nothing.times)
    unknown = getattr(tokenizer.model, "unk_token", None)
    unknown_id = None if unknown is None else tokenizer.token_to_id(unknown)
    seen = times + sum((each.times for each in of_held_out.values()), nothing.times)
    tokens = token_bytes(tokenizer)
    single = [number for number, token in tokens.items() if len(token) == 1]
    longer = np.array([number for number, token in tokens.items() if len(token) > 1], np.int64)
    glitches = longer[times[longer] == 0]
    longest = sorted(longer.tolist(), key=lambda number: (-len(tokens[number]), number))[:NAMED]

    def named(numbers: Sequence[int]) -> list[NamedToken]:
        return [
            NamedToken(
                id=number,
                token=tokens[number].decode(errors="replace"),
                bytes=len(tokens[number]),
                times=int(times[number]),
            )
            for number in numbers
        ]

    return TokenizerReport(
        vocab_size=tokenizer.get_vocab_size(),
        wanted_vocab_size=wanted,
        documents=sum(each.texts for each in learnt.values()),
        training_bytes=sum(each.bytes for each in learnt.values()),
        training_share=round(texts.share, 4),
        bytes_per_token=_bytes_per_token(learnt),
        validation_bytes_per_token=_bytes_per_token(of_held_out),
        dialogues_bytes_per_token=_bytes_per_token(of_turns),
        unknown_tokens=0 if unknown_id is None else int(seen[unknown_id]),
        frequent_share=round(float((times[longer] >= FREQUENT).mean()), 4) if len(longer) else 0.0,
        unused_bytes=int((times[single] == 0).sum()),
        glitch_tokens=len(glitches),
        glitch_token_samples=named(glitches[:NAMED].tolist()),
        longest_tokens=named(longest),
    )


class Counted:
    """Texts, their bytes, and how often each id stands in them."""

    def __init__(self, texts: int, size: int, times: np.ndarray) -> None:
        self.texts, self.bytes, self.times = texts, size, times

    @classmethod
    def of(cls, encoder: WordEncoder, texts: Sequence[str], size: int) -> "Counted":
        """Those of some texts, of ids below ``size``."""
        times = np.zeros(size, np.int64)
        for some in batches(texts):
            times += np.bincount(np.concatenate(encoder.encode(some)), minlength=size)
        return cls(len(texts), sum(len(text.encode()) for text in texts), times)

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.texts + other.texts, self.bytes + other.bytes, self.times + other.times)


def _bytes_per_token(counted: Mapping[str, Counted]) -> dict[str, float]:
    return {
        lang: round(each.bytes / max(1, int(each.times.sum())), 3)
        for lang, each in sorted(counted.items())
    }
