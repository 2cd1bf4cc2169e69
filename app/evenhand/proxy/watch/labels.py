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
        # No more than the lists have words; a word that is told as it is will always be.
        self._series: dict[tuple[str, ...], M] = {}
        self._unchanged: dict[tuple[str, ...], M] = {}

    def labels(self, *words: str) -> M:
        series = self._unchanged.get(words)
        return self._listed(words) if series is None else series

    def _listed(self, words: tuple[str, ...]) -> M:
        padded = [*words, *[""] * (len(self._lists) - len(words))]
        told = tuple([of(word) for of, word in zip(self._lists, padded, strict=True)])
        series = self._series.get(told)
        if series is None:
            series = self._series[told] = self._metric.labels(*told)
        if told == words:
            self._unchanged[words] = series
        return series

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
