"""Closed lists for the labels of metrics: a word comes in, a word of the list goes out, whatever the client sent."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from prometheus_client import Counter, Gauge

Label = Callable[[str], str]
M = TypeVar("M", Counter, Gauge)


class Closed(Generic[M]):
    """A metric behind its lists. A label that is not given counts as the empty word."""

    def __init__(self, metric: M, *lists: Label) -> None:
        self._metric: M = metric
        self._lists = lists

    def labels(self, *words: str) -> M:
        padded = [*words, *[""] * (len(self._lists) - len(words))]
        named: M = self._metric.labels(*(of(word) for of, word in zip(self._lists, padded, strict=True)))
        return named

    def begin(self, words: Iterable[str]) -> None:
        """Shows a series for each word before it is first counted, so that its first rise is seen as one."""
        for word in words:
            self.labels(word)


class Names:
    """Names known from the configuration, the first `limit` that are used; later ones are `other`, unknown ones `unknown`."""

    def __init__(self, known: Iterable[str] = (), *, limit: int, unknown: str) -> None:
        self._known = set(known)
        self._used: set[str] = set()
        self._limit = limit
        self._unknown = unknown

    def learn(self, names: Iterable[str]) -> None:
        self._known.update(names)

    def __call__(self, name: str) -> str:
        if name not in self._known:
            return self._unknown
        if name not in self._used:
            if len(self._used) >= self._limit:
                return "other"
            self._used.add(name)
        return name


def one_of(words: Iterable[str]) -> Label:
    known = frozenset(words)
    return lambda word: word if word in known else "other"


def yes_no(word: str) -> str:
    return "true" if word == "true" else "false"
