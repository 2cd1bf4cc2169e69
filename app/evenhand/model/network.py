"""The network: summed rows -> four dilated windows with residuals -> label probabilities. The gradient stands in training/.

Arrays are float32, one row a word. A window sees a word and its neighbours at the given distance on either side, so four of
them reach nine words each way; the strongest signals of the whole prompt are added once, after the second window.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate, chain
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenhand.model import LABELS
from evenhand.model.features import places, rows_of, word_rows, writable
from evenhand.model.lexicon import Lexicon

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

WIDTH = 64
REACHES: tuple[int, ...] = (1, 2, 4, 2)
PIECES = 2
POOL_AFTER = 1
# What marks, possessive endings and emoji get: the rules read those.
_NOTHING: Floats = np.array([label == "O" for label in LABELS], dtype=np.float32)
_IS_NAME = np.array([label in ("NAME", "SRC") for label in LABELS])
_REMEMBERED_WORDS, _REMEMBERED_PLACES = 16_000, 4_000  # twice, with those remembered before
_KEY_CHARS = 16  # how long the remembered words may be on average, so that endless words can't fill the memory


def shapes(rows: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight; `rows` is the height of the embedding table."""
    out: dict[str, tuple[int, ...]] = {"table": (rows, WIDTH), "pool": (WIDTH, WIDTH)}
    for level in range(len(REACHES)):
        out |= {f"window{level}": (3 * WIDTH, PIECES * WIDTH), f"bias{level}": (PIECES * WIDTH,), f"scale{level}": (WIDTH,)}
    return out | {"out": (WIDTH, len(LABELS)), "out_bias": (len(LABELS),)}


_MEAN: Floats = np.full(WIDTH, 1 / WIDTH, dtype=np.float32)
_TINY = np.float32(1e-5)


def normed(x: Floats) -> Floats:
    """Each row moved to mean 0 and brought to length 1; the means are taken as products, which costs a fraction of `mean`."""
    centred: Floats = x - (x @ _MEAN)[:, None]
    spread = (centred * centred) @ _MEAN
    spread += _TINY
    centred /= np.sqrt(spread, out=spread)[:, None]
    return centred


def softmax(scores: Floats) -> Floats:
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _names_whole(chances: Floats) -> Floats:
    """Neighbouring words that are parts of names, depicted or not, are one name: they share the mean of their chances."""
    best = chances.argmax(axis=1)
    part = np.flatnonzero(_IS_NAME[best]).tolist()
    start = 0
    for at in range(1, len(part) + 1):
        if at < len(part) and part[at] == part[at - 1] + 1:
            continue
        if at - start > 1:
            run = slice(part[start], part[at - 1] + 1)
            chances[run] = chances[run].mean(axis=0)
        start = at
    return chances


Key = TypeVar("Key", bound=Hashable)


class Memory(Generic[Key]):
    """The vectors of keys in one matrix, gathered in one step. Safe in threads: when full, a new one takes the place of both
    index and matrix, and who reads the old ones may go on. The one before it is kept, so that a key in daily use is copied and
    not counted out again. `chars` is the length of a key in characters."""

    def __init__(self, vectors: Callable[[Sequence[Key]], Floats], *, size: int, chars: Callable[[Key], int]) -> None:
        self._vectors = vectors
        self._length = chars
        self._size = size
        self._lock = threading.Lock()
        self._kept = self._before = _empty(self._size)
        self._chars = 0

    def gather(self, keys: Sequence[Key]) -> Floats:
        """One row a key; the rows are the caller's own."""
        index, matrix = self._kept
        try:
            rows = [index[key] for key in keys]
        except KeyError:
            index, matrix = self._learned(keys)
            rows = [index[key] for key in keys]
        return matrix.take(rows, axis=0)

    def _learned(self, keys: Sequence[Key]) -> tuple[dict[Key, int], Floats]:
        with self._lock:
            index, matrix = self._kept
            new = [key for key in dict.fromkeys(keys) if key not in index]
            if not new:
                return index, matrix  # another thread was first
            chars = sum(map(self._length, new))
            if len(index) + len(new) > len(matrix) or self._chars + chars > _KEY_CHARS * self._size:
                new = list(dict.fromkeys(keys))
                self._before = self._kept
                index, matrix = _empty(max(self._size, len(new)))
                self._chars, chars = 0, sum(map(self._length, new))
            first = len(index)
            matrix[first : first + len(new)] = self._known_or_new(new)
            # After the vectors, so that nobody finds a row still empty.
            index.update(zip(new, range(first, first + len(new)), strict=True))
            self._chars += chars
            self._kept = index, matrix
            return index, matrix

    def _known_or_new(self, keys: Sequence[Key]) -> Floats:
        index, matrix = self._before
        places = [index.get(key, -1) for key in keys]
        if max(places) < 0:
            return self._vectors(keys)
        out = matrix.take(places, axis=0)
        new = [at for at, place in enumerate(places) if place < 0]
        if new:
            out[new] = self._vectors([keys[at] for at in new])
        return out


def _empty(size: int) -> tuple[dict[Any, int], Floats]:
    return {}, np.empty((size, WIDTH), dtype=np.float32)


class Network:
    """Weights with a memory of words and places."""

    def __init__(self, weights: Weights, lexicon: Lexicon) -> None:
        # The table stays as stored, in half the bytes: what is read of it is widened.
        self.weights = {
            name: np.ascontiguousarray(value, dtype=value.dtype if name == "table" else np.float32)
            for name, value in weights.items()
        }
        self.lexicon = lexicon
        self._windows = [np.split(self.weights[f"window{level}"], 3) for level in range(len(REACHES))]
        self._words = Memory(self._word_vectors, size=_REMEMBERED_WORDS, chars=len)
        self._places = Memory(self._place_vectors, size=_REMEMBERED_PLACES, chars=int.bit_length)

    def read(self, words: Sequence[str]) -> Floats:
        """Probabilities of LABELS, one row a word; at least one word."""
        words = writable(words)
        x = self._places.gather(places(words))
        x += self._words.gather(words)
        x = normed(x)
        for level, reach in enumerate(REACHES):
            x = self._window(x, level=level, reach=reach)
            if level == POOL_AFTER:
                x += x.max(axis=0) @ self.weights["pool"]
        scores = x @ self.weights["out"]
        scores += self.weights["out_bias"]
        chances = softmax(scores)
        chances[[at for at, word in enumerate(words) if not word[:1].isalnum()]] = _NOTHING
        return _names_whole(chances)

    def _word_vectors(self, words: Sequence[str]) -> Floats:
        return self._summed([word_rows(word, self.lexicon) for word in words])

    def _place_vectors(self, places: Sequence[int]) -> Floats:
        return self._summed([rows_of(place) for place in places])

    def _summed(self, rows: Sequence[Sequence[int]]) -> Floats:
        """The sum of each one's rows of the table; none is empty."""
        starts = list(accumulate(map(len, rows[:-1]), initial=0))
        taken = self.weights["table"].take(list(chain.from_iterable(rows)), axis=0).astype(np.float32)
        out: Floats = np.add.reduceat(taken, starts, axis=0)
        return out

    def _window(self, x: Floats, *, level: int, reach: int) -> Floats:
        before, here, after = self._windows[level]
        pieces = x @ here
        pieces[reach:] += x[:-reach] @ before
        pieces[:-reach] += x[reach:] @ after
        pieces += self.weights[f"bias{level}"]
        best = normed(np.maximum(pieces[:, :WIDTH], pieces[:, WIDTH:]))
        best *= self.weights[f"scale{level}"]
        best += x
        return best
