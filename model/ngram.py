"""An n-gram model with interpolated modified Kneser-Ney smoothing: what counting alone can do.

The best of the count-based language models (Chen & Goodman 1999, "An empirical study of smoothing
techniques for language modeling", equations 26 to 28), and so the floor for networks. With c the
count of an n-gram at the highest order and, below it, of the different tokens that come before it
(at a document's start, where none can, again how often it occurs):

    p(w | h) = (c(h w) - D(c(h w))) / c(h .)  +  gamma(h) p(w | h less its first token)

where gamma(h) hands down just what the discounts D took, and the order below the unigrams is
uniform: probabilities sum to 1, and none is 0. Each order has three discounts, for counts of 1, 2
and more, from how many n-grams occur once, twice, three and four times.

Notable choices: an n-gram is one number, its context's number (that of a shorter n-gram) times the
vocabulary plus its token; so an order is a sorted array, and both counting and looking up handle
all tokens at once. 600,000 tokens take a second. Nothing is pruned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chatwright.errors import BadParameter

Discounts = tuple[float, float, float]

FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""For an order with too few n-grams to estimate discounts from; KenLM's (Heafield et al. 2013)."""


@dataclass(frozen=True)
class _Order:
    """All n-grams of one length; their numbers are the places in ``keys``.

    Attributes:
        keys: int64, ascending: context's number x (vocabulary + 1) + token.
        shares: what each n-gram has of its context's total, discounted.
        totals: of each context, by its number; 0 where nothing follows it.
        handed_down: gamma of each context.
    """

    keys: np.ndarray
    shares: np.ndarray
    totals: np.ndarray
    handed_down: np.ndarray


class KneserNey:
    """The model, counted on rows of packed documents (model/rows.py).

    Args:
        input_ids, position_ids: int ``(B, T)``; positions restart at 0 where a document begins. No
            n-gram crosses that border, and a document's first token is given, not predicted.
        vocab_size: V; all ids are below it.
        order: the longest n-gram.
        discounts: of each order, from 1 up; None estimates them.

    Attributes:
        ngrams: how many n-grams there are, all orders together: the model's size.
        discounts: of each order.

    Example:
        >>> model = KneserNey(np.array([[0, 1, 2, 1]]), np.arange(4)[None], vocab_size=3, order=2)
        >>> round(float(model.distribution([1]).sum()), 6)
        1.0

    Raises:
        BadParameter: an order below 1.
    """

    def __init__(
        self,
        input_ids: np.ndarray,
        position_ids: np.ndarray,
        vocab_size: int,
        *,
        order: int = 5,
        discounts: Sequence[Discounts] | None = None,
    ) -> None:
        if order < 1:
            raise BadParameter("order", f"{order} is not above 0")
        self.vocab_size, self.order = vocab_size, order
        tokens, offsets = _with_starts(input_ids, position_ids, vocab_size)
        # Number of the n-gram that ends at each token, for every length; -1 where it would begin
        # before its document.
        numbers = [np.zeros(len(tokens), np.int64)]
        keys, counts = [], []
        for length in range(1, order + 1):
            fits = offsets >= length - 1
            found, inverse = np.unique(
                self._keys(numbers[-1], tokens, length)[fits], return_inverse=True
            )
            number = np.full(len(tokens), -1, np.int64)
            number[fits] = inverse
            numbers.append(number)
            keys.append(found)
            # What is given is a context, but no event.
            events = number[fits & (offsets > 1)]
            counts.append(np.bincount(events, minlength=len(found)))
        for length in range(1, order):
            counts[length - 1] = self._continuations(numbers, counts, offsets, length)
        self.discounts = [
            discounts[place] if discounts is not None else _discounts(count)
            for place, count in enumerate(counts)
        ]
        contexts = [1, *map(len, keys)]
        self._orders = [
            self._order(*parts)
            for parts in zip(keys, counts, self.discounts, contexts)  # noqa: B905
        ]
        self.ngrams = sum(int((count > 0).sum()) for count in counts)

    def log_probabilities(self, input_ids: np.ndarray, position_ids: np.ndarray) -> np.ndarray:
        """Natural logarithm of each token's probability, given those before it in its document.

        Args:
            input_ids, position_ids: int ``(B, T)``, as for the training rows.

        Returns:
            float64 ``(B, T)``; 0 for the first token of each document, which is given.
        """
        tokens, offsets = _with_starts(input_ids, position_ids, self.vocab_size)
        number = np.zeros(len(tokens), np.int64)
        probability = np.full(len(tokens), 1 / self.vocab_size)
        for length, order in enumerate(self._orders, 1):
            context = _before(number) if length > 1 else number
            context = np.where(offsets >= length - 1, context, -1)
            number, probability = self._climb(order, context, tokens, probability)
        given = offsets <= 1
        log_probability = np.where(given, 0.0, np.log(probability))
        return log_probability[offsets > 0].reshape(input_ids.shape)

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """Probabilities of every next token, float64 ``(V,)``, after a document's first tokens."""
        every = np.arange(self.vocab_size)
        known = np.array([self.vocab_size, *context], np.int64)
        # The contexts of each length, from the empty one on: the last so many tokens.
        probability = np.full(self.vocab_size, 1 / self.vocab_size)
        for length, order in enumerate(self._orders, 1):
            if length - 1 > len(known):
                break
            number = self._number(known[len(known) - (length - 1) :])
            _, probability = self._climb(
                order, np.full(self.vocab_size, number), every, probability
            )
        return probability

    def _number(self, ngram: np.ndarray) -> int:
        """The number of an n-gram; -1 where it is none of ours, 0 where it is empty."""
        number = np.zeros(1, np.int64)
        for order, token in zip(self._orders, ngram):  # noqa: B905 - as many as there are tokens
            number = _places(order.keys, number, np.array([token]), self.vocab_size)
        return int(number[0])

    def _keys(self, numbers: np.ndarray, tokens: np.ndarray, length: int) -> np.ndarray:
        context = _before(numbers) if length > 1 else numbers
        return context * (self.vocab_size + 1) + tokens

    def _continuations(
        self, numbers: list[np.ndarray], counts: list[np.ndarray], offsets: np.ndarray, length: int
    ) -> np.ndarray:
        """Of each n-gram, how many different tokens come before it; its count at a start."""
        count, longer = counts[length - 1], counts[length]
        # Of each n-gram one token longer, any place where it ends shows the one that it ends in.
        ends = np.zeros(len(longer), np.int64)
        fits = numbers[length + 1] >= 0
        ends[numbers[length + 1][fits]] = numbers[length][fits]
        before = np.bincount(ends[longer > 0], minlength=len(count))
        begins = np.zeros(len(count), bool)
        begins[numbers[length][offsets == length - 1]] = True
        return np.where(begins, count, before)

    def _order(
        self, keys: np.ndarray, count: np.ndarray, discounts: Discounts, contexts: int
    ) -> _Order:
        context = keys // (self.vocab_size + 1)
        taken = np.array([0.0, *discounts])[np.minimum(count, 3)]
        totals = np.bincount(context, count, contexts)
        at_least = np.maximum(totals, 1)
        return _Order(
            keys,
            (count - taken) / at_least[context],
            totals,
            np.bincount(context, taken, contexts) / at_least,
        )

    def _climb(
        self, order: _Order, context: np.ndarray, tokens: np.ndarray, lower: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """From the probabilities of one order to those of the next; and the n-grams' numbers."""
        number = _places(order.keys, context, tokens, self.vocab_size)
        known = (context >= 0) & (order.totals[context] > 0)
        share = np.where(number >= 0, order.shares[number], 0.0)
        return number, np.where(known, share + order.handed_down[context] * lower, lower)


def _with_starts(
    input_ids: np.ndarray, position_ids: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray]:
    """All tokens in a line, ``start`` before each document; and how far each is from its start."""
    tokens, positions = np.asarray(input_ids).reshape(-1), np.asarray(position_ids).reshape(-1)
    begins = np.flatnonzero(positions == 0)
    line = np.insert(tokens.astype(np.int64), begins, start)
    offsets = np.insert(positions.astype(np.int64) + 1, begins, 0)
    return line, offsets


def _before(numbers: np.ndarray) -> np.ndarray:
    """For each token what stands at the one before it."""
    return np.concatenate([[-1], numbers[:-1]])


def _places(
    keys: np.ndarray, context: np.ndarray, tokens: np.ndarray, vocab_size: int
) -> np.ndarray:
    """Where each context with its token stands among the keys; -1 where it does not."""
    wanted = context * (vocab_size + 1) + tokens
    place = np.searchsorted(keys, wanted)
    place[place == len(keys)] = 0
    return np.where((context >= 0) & (keys[place] == wanted), place, -1)


def _discounts(counts: np.ndarray) -> Discounts:
    """The discounts of an order (Chen & Goodman 1999, equation 26)."""
    n1, n2, n3, n4 = (int((counts == times).sum()) for times in (1, 2, 3, 4))
    if not (n1 and n2 and n3):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    # More than was counted cannot be taken, nor less than nothing: few n-grams can say so.
    fits = all(0 <= discount <= most for discount, most in zip(found, (1, 2, 3), strict=True))
    return found if fits else FALLBACK
