"""Learning: the network's forward pass once more over a batch, its gradient by hand, and Adam. Seeded, one BLAS thread.

A batch is many prompts laid end to end; a window never looks across a prompt's border (neighbours outside are zero).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenhand.model import LABELS
from evenhand.model.network import POOL_AFTER, REACHES, WIDTH, Floats, Weights, shapes, softmax

Ints = NDArray[np.int64]
DROPOUT = 0.12
SMOOTHING = 0.03


@dataclass(frozen=True, slots=True)
class Batch:
    """`rows`: all embedding rows, flat; `owner`: the word each row belongs to; `starts`: where prompts begin, and the end."""

    rows: Ints
    owner: Ints
    starts: Ints
    labels: Ints

    @property
    def count(self) -> int:
        return len(self.labels)


@dataclass(slots=True)
class Adam:
    means: Weights = field(default_factory=dict)
    squares: Weights = field(default_factory=dict)
    steps: int = 0

    def step(self, weights: Weights, grads: Weights, *, rate: float) -> None:
        """In place."""
        self.steps += 1
        for name, grad in grads.items():
            mean, square = self._moments(name, weights)
            mean += 0.1 * (grad - mean)
            square += 0.001 * (grad * grad - square)
            weights[name] -= self._pace(rate) * mean / (np.sqrt(square) + np.float32(1e-8))

    def step_rows(self, weights: Weights, rows: Ints, grad: Floats, *, rate: float) -> None:
        """The embedding table moves only where it was used. Comes after `step`, which counts."""
        mean, square = self._moments("table", weights)
        mean[rows] = fresh = mean[rows] * np.float32(0.9) + np.float32(0.1) * grad
        square[rows] = power = square[rows] * np.float32(0.999) + np.float32(0.001) * grad * grad
        weights["table"][rows] -= self._pace(rate) * fresh / (np.sqrt(power) + np.float32(1e-8))

    def _moments(self, name: str, weights: Weights) -> tuple[Floats, Floats]:
        if name not in self.means:
            self.means[name], self.squares[name] = np.zeros_like(weights[name]), np.zeros_like(weights[name])
        return self.means[name], self.squares[name]

    def _pace(self, rate: float) -> np.float32:
        return np.float32(rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps))


def initial(rows: int, *, seed: int) -> Weights:
    dice = np.random.default_rng(seed)
    weights: Weights = {}
    for name, shape in shapes(rows).items():
        if "bias" in name or "scale" in name:
            weights[name] = np.full(shape, 0.5 if "scale" in name else 0.0, dtype=np.float32)
        else:
            spread = 0.1 if name == "table" else (0.3 if name == "pool" else 1.0) / np.sqrt(shape[0])
            weights[name] = (dice.standard_normal(shape) * spread).astype(np.float32)
    return weights


def _norm(x: Floats) -> tuple[Floats, Floats]:
    centred = x - x.mean(axis=1, keepdims=True)
    root = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(1e-5))
    return centred / root, root


def _norm_back(grad: Floats, y: Floats, root: Floats) -> Floats:
    out: Floats = (grad - grad.mean(axis=1, keepdims=True) - y * (grad * y).mean(axis=1, keepdims=True)) / root
    return out


class Learner:
    def __init__(self, weights: Weights, *, seed: int, dropout: float = DROPOUT) -> None:
        self.weights = weights
        self.dropout = dropout
        self.dice = np.random.default_rng(seed)
        self.adam = Adam()

    def learn(self, batch: Batch, *, rate: float) -> float:
        """One step; returns the mean loss a word."""
        loss, grads = self.gradient(batch)
        rows, values = _scatter(grads.pop("table"), batch)
        self.adam.step(self.weights, grads, rate=rate)
        self.adam.step_rows(self.weights, rows, values, rate=rate)
        return loss

    def gradient(self, batch: Batch) -> tuple[float, Weights]:
        """The mean loss a word, and its slope by weight; under "table" stands the slope by each word's sum of rows."""
        grads: Weights = {}
        x, memory = self._forward(_gather(batch, self.weights["table"]), batch)
        loss, grad = _loss(self._chances(x), batch.labels)
        grads["out"], grads["out_bias"] = x.T @ grad, grad.sum(axis=0)
        grads["table"] = self._backward(grad @ self.weights["out"].T, memory, grads, batch)
        return loss, grads

    def chances(self, batch: Batch) -> Floats:
        """What the network thinks of each word; the shipped forward pass must say the same."""
        return self._chances(self._forward(_gather(batch, self.weights["table"]), batch)[0])

    def _chances(self, x: Floats) -> Floats:
        return softmax(x @ self.weights["out"] + self.weights["out_bias"])

    def _forward(self, total: Floats, batch: Batch) -> tuple[Floats, dict[str, Any]]:
        x, root = _norm(total)
        memory: dict[str, Any] = {"embedded": (x, root)}
        memory["mask"] = self._mask(x.shape)
        x = x * memory["mask"]
        for level, reach in enumerate(REACHES):
            x, memory[f"window{level}"] = self._window(x, batch, level=level, reach=reach)
            if level == POOL_AFTER:
                best = np.maximum.reduceat(x, batch.starts[:-1], axis=0)
                lengths = np.diff(batch.starts)
                memory["pool"] = (x, best, lengths)
                x = x + np.repeat(best @ self.weights["pool"], lengths, axis=0)
        return x, memory

    def _mask(self, shape: tuple[int, ...]) -> Floats:
        return ((self.dice.random(shape, dtype=np.float32) >= self.dropout) / np.float32(1 - self.dropout)).astype(np.float32)

    def _window(self, x: Floats, batch: Batch, *, level: int, reach: int) -> tuple[Floats, tuple[Any, ...]]:
        before, after = neighbours(batch.starts, reach)
        padded = np.vstack((x, np.zeros((1, WIDTH), dtype=np.float32)))
        seen = np.concatenate((padded[before], x, padded[after]), axis=1)
        pieces = seen @ self.weights[f"window{level}"] + self.weights[f"bias{level}"]
        left = pieces[:, :WIDTH] >= pieces[:, WIDTH:]
        normal, root = _norm(np.where(left, pieces[:, :WIDTH], pieces[:, WIDTH:]))
        mask = self._mask(x.shape)
        out = x + normal * self.weights[f"scale{level}"] * mask
        return out, (seen, left, normal, root, mask, before, after)

    def _backward(self, grad: Floats, memory: dict[str, Any], grads: Weights, batch: Batch) -> Floats:
        for level in reversed(range(len(REACHES))):
            if level == POOL_AFTER:
                grad = self._pool_back(grad, memory["pool"], grads, batch)
            grad = self._window_back(grad, memory[f"window{level}"], grads, level=level)
        x, root = memory["embedded"]
        return _norm_back(grad * memory["mask"], x, root)

    def _pool_back(self, grad: Floats, saved: tuple[Any, ...], grads: Weights, batch: Batch) -> Floats:
        x, best, lengths = saved
        summed = np.add.reduceat(grad, batch.starts[:-1], axis=0)
        grads["pool"] = best.T @ summed
        to_best = summed @ self.weights["pool"].T
        where = x == np.repeat(best, lengths, axis=0)
        out: Floats = grad + where * np.repeat(to_best, lengths, axis=0)
        return out

    def _window_back(self, grad: Floats, saved: tuple[Any, ...], grads: Weights, *, level: int) -> Floats:
        seen, left, normal, root, mask, before, after = saved
        inner = grad * mask
        grads[f"scale{level}"] = (inner * normal).sum(axis=0)
        chosen = _norm_back(inner * self.weights[f"scale{level}"], normal, root)
        pieces = np.concatenate((chosen * left, chosen * ~left), axis=1)
        grads[f"window{level}"], grads[f"bias{level}"] = seen.T @ pieces, pieces.sum(axis=0)
        wide = pieces @ self.weights[f"window{level}"].T
        out = grad + wide[:, WIDTH : 2 * WIDTH]
        end = len(grad)
        out[before[before < end]] += wide[before < end, :WIDTH]
        out[after[after < end]] += wide[after < end, 2 * WIDTH :]
        return out


def neighbours(starts: Ints, reach: int) -> tuple[Ints, Ints]:
    """For each word the index of the word `reach` before and after it in its prompt, or the count of words for none."""
    count = int(starts[-1])
    prompt = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    at = np.arange(count)
    before, after = at - reach, at + reach
    same_before = (before >= 0) & (prompt[np.maximum(before, 0)] == prompt)
    same_after = (after < count) & (prompt[np.minimum(after, count - 1)] == prompt)
    return np.where(same_before, before, count), np.where(same_after, after, count)


def _gather(batch: Batch, table: Floats) -> Floats:
    edges = np.flatnonzero(np.diff(batch.owner, prepend=-1))
    total: Floats = np.add.reduceat(table[batch.rows], edges, axis=0)
    return total


def _scatter(grad: Floats, batch: Batch) -> tuple[Ints, Floats]:
    order = np.argsort(batch.rows, kind="stable")
    rows = batch.rows[order]
    edges = np.flatnonzero(np.diff(rows, prepend=-1))
    return rows[edges], np.add.reduceat(grad[batch.owner[order]], edges, axis=0)


def _loss(probabilities: Floats, labels: Ints) -> tuple[float, Floats]:
    count = len(labels)
    target = np.full((count, len(LABELS)), SMOOTHING / len(LABELS), dtype=np.float32)
    target[np.arange(count), labels] += 1 - SMOOTHING
    loss = float(-(target * np.log(probabilities + 1e-9)).sum() / count)
    return loss, (probabilities - target) / np.float32(count)
