"""The network: summed rows -> four dilated windows with residuals -> label probabilities. The gradient stands in training/.

Arrays are float32, one row a word. A window sees a word and its neighbours at the given distance on either side, so four of
them reach nine words each way; the strongest signals of the whole prompt are added once, after the second window.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenhand.model import LABELS
from evenhand.model.features import places, rows_of, word_rows, writable
from evenhand.model.lexicon import Lexicon

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

WIDTH = 96
REACHES: tuple[int, ...] = (1, 2, 4, 2)
PIECES = 2
POOL_AFTER = 1
# What marks, possessive endings and emoji get: the rules read those.
_NOTHING: Floats = np.array([label == "O" for label in LABELS], dtype=np.float32)
_IS_NAME = np.array([label in ("NAME", "SRC") for label in LABELS])
_REMEMBERED_WORDS, _REMEMBERED_PLACES = 20_000, 4_000
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
    index and matrix, and who reads the old ones may go on. `chars` is the length of a key in characters."""

    def __init__(self, vector: Callable[[Key], Floats], *, size: int, chars: Callable[[Key], int]) -> None:
        self._vector = vector
        self._length = chars
        self._size = size
        self._lock = threading.Lock()
        self._kept: tuple[dict[Key, int], Floats] = ({}, np.empty((size, WIDTH), dtype=np.float32))
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
            chars = sum(map(self._length, new))
            if len(index) + len(new) > len(matrix) or self._chars + chars > _KEY_CHARS * self._size:
                new = list(dict.fromkeys(keys))
                index, matrix = {}, np.empty((max(self._size, len(new)), WIDTH), dtype=np.float32)
                self._chars, chars = 0, sum(map(self._length, new))
            for row, key in enumerate(new, start=len(index)):
                matrix[row] = self._vector(key)
                index[key] = row  # after its vector, so that nobody finds a row still empty
            self._chars += chars
            self._kept = index, matrix
            return index, matrix


class Network:
    """Weights with a memory of words and places."""

    def __init__(self, weights: Weights, lexicon: Lexicon) -> None:
        self.weights = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()}
        self.lexicon = lexicon
        self._windows = [np.split(self.weights[f"window{level}"], 3) for level in range(len(REACHES))]
        self._words = Memory(self._word, size=_REMEMBERED_WORDS, chars=len)
        self._places = Memory(self._place, size=_REMEMBERED_PLACES, chars=int.bit_length)

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

    def _word(self, word: str) -> Floats:
        return self._summed([row for row, _ in word_rows(word, self.lexicon)])

    def _place(self, place: int) -> Floats:
        return self._summed(rows_of(place))

    def _summed(self, rows: Sequence[int]) -> Floats:
        out: Floats = np.add.reduce(self.weights["table"].take(rows, axis=0), axis=0)
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
