"""Which of two registered versions of the assistant is to be served: what decides, and how.

Both are measured on the same held-out text; where the older one was registered with another, it is
measured anew.
"""

import hashlib
from pathlib import Path

from mlflow.entities.model_registry import ModelVersion
from pydantic import BaseModel

from tasks.params import RegisterParams

CORPUS = "data/clean"  # the tag with the hash of the corpus


class Figures(BaseModel):
    """What decides between two versions.

    Attributes:
        bits_per_byte: of the held-out text whose hash is ``text_sha256``.
        right_first: share of the hand-written questions with a right document first.
        corpus: DVC's hash of the corpus that the version was built from.
    """

    bits_per_byte: float
    right_first: float | None
    text_sha256: str
    corpus: str


def is_better(
    challenger: Figures, champion: Figures | None, params: RegisterParams
) -> tuple[bool, str]:
    """Whether a challenger should be served instead of the champion, and why.

    It should when it is better in held-out bits per byte or in right documents first, and worse
    in neither by more than ``params.tolerance`` (a share of the bits, points of the questions).
    A challenger of another corpus knows what the champion cannot: to be no worse is enough, and the
    questions, which were of another corpus, do not count.
    """
    if champion is None:
        return True, "the first"
    bits, best_bits = challenger.bits_per_byte, champion.bits_per_byte
    first, best_first = challenger.right_first, champion.right_first
    of_another_corpus = challenger.corpus != champion.corpus
    if of_another_corpus:
        first = best_first = None
    both_asked = first is not None and best_first is not None
    said = f"bits per byte {bits:.3f} against {best_bits:.3f}"
    if both_asked:
        said += f", right document first {first:.1%} against {best_first:.1%}"
    if bits > best_bits * (1 + params.tolerance):
        return False, f"worse: {said}"
    if both_asked and first < best_first - params.tolerance:  # type: ignore[operator]
        return False, f"worse: {said}"
    if bits < best_bits or (both_asked and first > best_first):  # type: ignore[operator]
        return True, f"better: {said}"
    if of_another_corpus:
        return True, f"as good, and of the newer corpus: {said}"
    return False, f"no better: {said}"


def text_digest(texts: list[str]) -> str:
    """The SHA-256 of a list of texts."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def figures_of(version: ModelVersion, bundle: Path, texts: list[str]) -> Figures:
    """A registered version's figures on the given held-out texts: those it was registered with,
    or, where they are of another text, its bits per byte measured anew."""
    tags = version.tags
    right_first = float(tags["right_first"]) if "right_first" in tags else None
    digest = text_digest(texts)
    bits = float(tags["bits_per_byte"])
    if tags["text_sha256"] != digest:
        from model.hf import load_pretrained
        from model.tokenizer import ChatTokenizer
        from tasks.evaluate.language_model import bits_per_byte

        model, tokenizer = load_pretrained(bundle / "model"), ChatTokenizer.load(bundle / "model")
        bits = bits_per_byte(model, tokenizer, texts).bits_per_byte
    return Figures(
        bits_per_byte=bits, right_first=right_first, text_sha256=digest, corpus=tags[CORPUS]
    )
