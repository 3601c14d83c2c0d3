"""The data of the contestants: the same tokens, in the form that each reads.

nanoGPT, litgpt and Trainer read uint16 files as nanoGPT's ``prepare.py`` writes them; ours reads
rows. tinyshakespeare comes from ``CHATWRIGHT_TEST_DATA``/books, or from its public address.
"""

import os
import pickle
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

from benchmarks.peers.install import cache
from benchmarks.peers.shapes import Shape
from chatwright.errors import ServiceUnavailable

ADDRESS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
RANDOM_TOKENS = 2_000_000


def tinyshakespeare() -> str:
    """The text, 1,115,394 characters.

    Raises:
        ServiceUnavailable: it is not at hand and could not be downloaded.
    """
    named = os.environ.get("CHATWRIGHT_TEST_DATA")
    if named:
        return (Path(named) / "books" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    kept = cache() / "tinyshakespeare.txt"
    if not kept.exists():
        try:
            with urllib.request.urlopen(ADDRESS, timeout=60) as answer:
                text = answer.read()
        except (urllib.error.URLError, TimeoutError) as error:
            raise ServiceUnavailable(
                ADDRESS, f"it cannot be downloaded: {error}", f"Put the text at {kept}"
            ) from None
        kept.write_bytes(text)
    return kept.read_text(encoding="utf-8")


def characters(text: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Training and validation ids, uint16, and the size of the alphabet.

    The alphabet sorted, the last tenth for validation: nanoGPT's ``shakespeare_char/prepare.py``.
    """
    alphabet = sorted(set(text))
    places = {character: place for place, character in enumerate(alphabet)}
    ids = np.array([places[character] for character in text], np.uint16)
    border = int(len(text) * 0.9)
    return ids[:border], ids[border:], len(alphabet)


def tokens_of(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """What a model of this shape reads, for training and for validation, uint16."""
    if shape.text:
        train, validation, _ = characters(tinyshakespeare())
        return train, validation
    generator = np.random.default_rng(0)
    ids = generator.integers(0, shape.vocabulary, RANDOM_TOKENS, np.uint16)
    border = int(len(ids) * 0.9)
    return ids[:border], ids[border:]


def write_bins(shape: Shape, folder: Path) -> None:
    """``train.bin``, ``val.bin`` and ``meta.pkl`` in a folder of nanoGPT's ``data``."""
    folder.mkdir(parents=True, exist_ok=True)
    train, validation = tokens_of(shape)
    train.tofile(folder / "train.bin")
    validation.tofile(folder / "val.bin")
    # A pickle because nanoGPT's train.py reads the vocabulary's size from one, and nowhere else.
    with open(folder / "meta.pkl", "wb") as file:
        pickle.dump({"vocab_size": shape.vocabulary}, file)


def windows(ids: np.ndarray, length: int, shift: int = 0) -> np.ndarray:
    """All whole windows side by side from ``shift`` on, int32 ``(windows, length)``."""
    count = (len(ids) - shift) // length
    return ids[shift : shift + count * length].astype(np.int32).reshape(count, length)
