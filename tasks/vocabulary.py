"""What the vocabulary is learnt from, and how large it is where the corpus is to say.

Balance: as for XLM-R (Conneau et al. 2020, section 3.1) and mT5 (Xue et al. 2021), a language with
the share p of the bytes counts as one with p^exponent, all of them divided by their sum. 1 takes
the corpus as it is, 0 makes all languages equal, these two took 0.3. Texts of the languages that
are to count more are read several times. Up to ``MOST_REPEATED_BYTES`` none is left out for
it; beyond, languages that are to count less are thinned out, by a hash of each text.

Size: Gowda and May 2020 ("Finding the Optimal Vocabulary Size for Neural Machine Translation"):
the largest for which 95 % of the tokens have 100 examples each in the training texts, as the rest
is not learnt well. They measured translation; single bytes are not counted here, as many of them
never occur. It knows nothing of the model: laws that do (Tao et al. 2024, "Scaling Laws with
Vocabulary") were fitted to models of 33 million parameters and more.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from tokenizers import Tokenizer

from model.token_bytes import token_bytes
from model.tokenizer import SPECIAL_TOKENS
from model.word_encoder import WordEncoder, batches, parts_of
from model.word_pieces import pieces_of
from tasks.tokenizer_report import FREQUENT
from tasks.training_texts import Texts

ALPHABET = 256 + len(SPECIAL_TOKENS)
SHARE = 0.95
MULTIPLE = 64
"""Sizes are cut to it: matrices of such widths are multiplied faster."""

MOST_REPEATED_BYTES = 256_000_000


def weights(texts: Texts, exponent: float) -> dict[str, float]:
    """How many times the texts of each language are to be read; 1 for each at the exponent 1."""
    sizes = {lang: sum(len(text.encode()) for text in some) for lang, some in texts.items()}
    sizes = {lang: size for lang, size in sizes.items() if size}
    whole = sum(sizes.values())
    wanted = {lang: (size / whole) ** exponent for lang, size in sizes.items()}
    factors = {
        lang: wanted[lang] / sum(wanted.values()) / (size / whole) for lang, size in sizes.items()
    }
    # These keep the number of bytes; more are read, so that no factor is below 1, if they are few.
    scale = 1 / min(factors.values(), default=1.0)
    scale = max(1.0, min(scale, MOST_REPEATED_BYTES / max(1, whole)))
    return {lang: scale * factor for lang, factor in factors.items()}


def balanced(texts: Texts, exponent: float) -> Iterator[str]:
    """The texts to learn from, by language; as they are at the exponent 1."""
    if exponent == 1:
        for lang in sorted(texts):
            yield from texts[lang]
        return
    for lang, weight in sorted(weights(texts, exponent).items()):
        for text in texts[lang]:
            place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
            yield from [text] * (int(weight) + (place < weight % 1))


def chosen_size(largest: Tokenizer, texts: Sequence[str]) -> int:
    """The size, at most that of ``largest``, that the rule above takes.

    Args:
        largest: trained on the texts; smaller vocabularies are the beginnings of its own.
        texts: those that are to have the examples.
    """
    words: Counter[str] = Counter()
    for text in texts:
        for part in parts_of(text):
            words.update(pieces_of(part))
    # Between these: enough examples for all that is below, not enough for what is above.
    fits, fails = ALPHABET, largest.get_vocab_size() + 1
    while fails - fits > MULTIPLE // 4:
        middle = (fits + fails) // 2
        if frequent_share(first_tokens(largest, middle), words) >= SHARE:
            fits = middle
        else:
            fails = middle
    return fits // MULTIPLE * MULTIPLE


def frequent_share(tokenizer: Tokenizer, words: Mapping[str, int]) -> float:
    """The share of the tokens, single bytes aside, that stand ``FREQUENT`` times in the words."""
    encoder = WordEncoder(tokenizer)
    times = np.zeros(tokenizer.get_vocab_size(), np.int64)
    for some in batches(list(words)):
        ids = encoder.encode(some)
        counts = np.repeat([words[word] for word in some], [len(each) for each in ids])
        times += np.bincount(np.concatenate(ids), counts, len(times)).astype(np.int64)
    longer = [number for number, token in token_bytes(tokenizer).items() if len(token) > 1]
    return float((times[longer] >= FREQUENT).mean()) if longer else 1.0


def first_tokens(tokenizer: Tokenizer, size: int) -> Tokenizer:
    """The tokenizer with so many of its tokens: what training with that size would have given."""
    tree = json.loads(tokenizer.to_str())
    model = tree["model"]
    model["vocab"] = {token: number for token, number in model["vocab"].items() if number < size}
    model["merges"] = [pair for pair in model["merges"] if "".join(pair) in model["vocab"]]
    smaller = Tokenizer.from_str(json.dumps(tree))
    smaller.encode_special_tokens = True
    return smaller
