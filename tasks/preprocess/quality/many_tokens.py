"""The same n-grams as statistics.py counts, of texts so long that Python's objects do not serve.

Of a text of 15 MB a tuple for each n-gram takes gigabytes and minutes. Here an n-gram is a number,
made of that of its first n - 1 tokens and of its last one, and only what stands there twice is
looked at further: of 1.6 million Chinese characters in 5 s where the other way takes 23.
"""

from collections.abc import Sequence

import numpy as np

MANY_TOKENS = 100_000
PIECE = 65_536


def n_gram_characters_of_many(
    tokens: Sequence[str], top_sizes: Sequence[int], duplicate_sizes: Sequence[int], *, gap: int
) -> tuple[list[int], list[int]]:
    """As ``statistics.n_gram_characters``, for sizes of 2 and more.

    >>> n_gram_characters_of_many("a bb a bb a bb".split(), [2], [4], gap=1)
    ([12], [6])
    """
    numbers: dict[str, int] = {}
    ids = np.fromiter(
        (numbers.setdefault(token, len(numbers)) for token in tokens), np.int64, len(tokens)
    )
    before = np.concatenate([[0], np.cumsum([len(token) for token in tokens], dtype=np.int64)])
    top, duplicate = [], []
    places, grams = np.arange(len(tokens)), ids
    for size in range(2, max([1, *top_sizes, *duplicate_sizes]) + 1):
        fits = places + size <= len(tokens)
        places, grams = places[fits], grams[fits]
        # Below 2**62: there are no more n-grams, and no more different tokens, than tokens.
        pairs = grams * len(numbers) + ids[places + size - 1]
        _, grams, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        repeated = counts[grams] > 1
        places, grams = places[repeated], grams[repeated]
        if size in duplicate_sizes:
            duplicate.append(_characters_again(places, grams, before, size))
        elif size in top_sizes:
            first, count = 0, int(len(tokens) >= size)
            if len(places):
                count = int(counts.max())
                first = int(places[np.argmax(counts[grams] == count)])
            length = int(before[min(first + size, len(tokens))] - before[first])
            top.append((length + gap * (size - 1)) * count)
    return top, duplicate


def _characters_again(places: np.ndarray, grams: np.ndarray, before: np.ndarray, size: int) -> int:
    """The characters of n-grams that were seen before, none counted twice.

    What stands in one that was counted is passed over: it is as if it had not been seen. So a place
    counts if its n-gram's first place was not passed over, or a later one (``again``) was not.
    """
    if not len(places):
        return 0
    first = np.empty(int(grams.max()) + 1, np.int64)
    first[grams[::-1]] = places[::-1]  # of several the last stays, which is the first place
    passed, again = bytearray(len(before)), bytearray(len(first))
    inside = b"\1" * (size - 1)
    is_later = first[grams] != places
    places, grams = places[is_later], grams[is_later]
    characters = free = 0
    for start in range(0, len(places), PIECE):  # as Python's numbers, all would take much memory
        here, of_place = places[start : start + PIECE], grams[start : start + PIECE]
        lengths = before[here + size] - before[here]
        for place, gram, first_place, length in zip(
            here.tolist(),
            of_place.tolist(),
            first[of_place].tolist(),
            lengths.tolist(),
            strict=True,
        ):
            if place < free:
                continue
            if not passed[first_place] or again[gram]:
                characters += length
                free = place + size
                passed[place + 1 : free] = inside
            else:
                again[gram] = 1
    return characters
