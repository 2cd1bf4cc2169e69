"""The network: summed rows -> four dilated windows with residuals -> label probabilities. The gradient stands in training/.

Arrays are float32, one row a word. A window sees a word and its neighbours at the given distance on either side, so four of
them reach nine words each way; the strongest signals of the whole prompt are added once, after the second window.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from evenhand.model import LABELS
from evenhand.model.features import place_rows, word_rows, writable
from evenhand.model.lexicon import Lexicon

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

WIDTH = 96
REACHES: tuple[int, ...] = (1, 2, 4, 2)
PIECES = 2
POOL_AFTER = 1
# What marks, possessive endings and emoji get: the rules read those.
_NOTHING: Floats = np.array([label == "O" for label in LABELS], dtype=np.float32)
_NAME, _SOURCE = LABELS.index("NAME"), LABELS.index("SRC")
_REMEMBERED_WORDS = 20_000


def shapes(rows: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of each weight; `rows` is the height of the embedding table."""
    out: dict[str, tuple[int, ...]] = {"table": (rows, WIDTH), "pool": (WIDTH, WIDTH)}
    for level in range(len(REACHES)):
        out |= {f"window{level}": (3 * WIDTH, PIECES * WIDTH), f"bias{level}": (PIECES * WIDTH,), f"scale{level}": (WIDTH,)}
    return out | {"out": (WIDTH, len(LABELS)), "out_bias": (len(LABELS),)}


_MEAN: Floats = np.full(WIDTH, 1 / WIDTH, dtype=np.float32)


def normed(x: Floats) -> Floats:
    """Each row moved to mean 0 and brought to length 1; the means are taken as products, which costs a fraction of `mean`."""
    centred = x - (x @ _MEAN)[:, None]
    spread = cast(Floats, np.sqrt((centred * centred) @ _MEAN + np.float32(1e-5)))
    return cast(Floats, centred / spread[:, None])


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    out: Floats = powers / powers.sum(axis=1, keepdims=True)
    return out


def _names_whole(chances: Floats) -> Floats:
    """Neighbouring words that are parts of names, depicted or not, are one name: they share the mean of their chances."""
    best = chances.argmax(axis=1)
    part = np.flatnonzero((best == _NAME) | (best == _SOURCE)).tolist()
    start = 0
    for at in range(1, len(part) + 1):
        if at < len(part) and part[at] == part[at - 1] + 1:
            continue
        if at - start > 1:
            run = slice(part[start], part[at - 1] + 1)
            chances[run] = chances[run].mean(axis=0)
        start = at
    return chances


class Network:
    """Weights with a memory of words. Not locked: give each thread its own, or accept that a word is summed twice."""

    def __init__(self, weights: Weights, lexicon: Lexicon) -> None:
        self.weights = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()}
        self.lexicon = lexicon
        self._windows = [np.split(self.weights[f"window{level}"], 3) for level in range(len(REACHES))]
        self._vectors: dict[str, Floats] = {}

    def read(self, words: Sequence[str]) -> Floats:
        """Probabilities of LABELS, one row a word; at least one word."""
        words = writable(words)
        x = normed(self._embedded(words))
        for level, reach in enumerate(REACHES):
            x = self._window(x, level=level, reach=reach)
            if level == POOL_AFTER:
                x = x + x.max(axis=0) @ self.weights["pool"]
        chances = softmax(x @ self.weights["out"] + self.weights["out_bias"])
        chances[[at for at, word in enumerate(words) if not word[:1].isalnum()]] = _NOTHING
        return _names_whole(chances)

    def _embedded(self, words: Sequence[str]) -> Floats:
        known = self._vectors
        vectors = [known[word] if word in known else self._vector(word) for word in words]
        places: Floats = self.weights["table"].take(place_rows(words), axis=0).sum(axis=1)
        places += np.concatenate(vectors).reshape(places.shape)
        return places

    def _vector(self, word: str) -> Floats:
        vector: Floats = self.weights["table"][[row for row, _ in word_rows(word, self.lexicon)]].sum(axis=0)
        if len(self._vectors) >= _REMEMBERED_WORDS:
            self._vectors = {}
        self._vectors[word] = vector
        return vector

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
