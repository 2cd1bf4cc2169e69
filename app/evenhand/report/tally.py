"""Counts that stay small however long the log: weighted by the sampling, bounded in their keys, with 95 % intervals.

A line that was kept by chance `sample` stands for 1/sample lines; intervals use the effective number of lines (Kish).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import floor, log10, sqrt

Z95 = 1.959963984540054
OTHER = "(other)"
Key = tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """`lines` were read; `weight` is how many they stand for."""

    lines: int = 0
    weight: float = 0.0
    squares: float = 0.0

    def add(self, weight: float) -> None:
        self.lines += 1
        self.weight += weight
        self.squares += weight * weight


@dataclass(slots=True)
class Tallies:
    """Beyond `most` keys everything new counts as OTHER."""

    most: int = 1_000
    by: dict[Key, Tally] = field(default_factory=dict)

    def add(self, key: Key, weight: float) -> None:
        tally = self.by.get(key)
        if tally is None:
            if len(self.by) >= self.most:
                key = (OTHER,) * len(key)
            tally = self.by.setdefault(key, Tally())
        tally.add(weight)

    def largest(self, number: int | None = None) -> list[tuple[Key, Tally]]:
        return sorted(self.by.items(), key=lambda item: (-item[1].weight, item[0]))[:number]

    def total(self) -> Tally:
        return summed(self.by.values())


@dataclass(slots=True)
class Frequent:
    """The most frequent of any number of words: at `most` the rarer half goes, and `is_exact` says so."""

    most: int = 20_000
    counts: dict[str, float] = field(default_factory=dict)
    is_exact: bool = True

    def add(self, word: str, weight: float) -> None:
        self.counts[word] = self.counts.get(word, 0.0) + weight
        if len(self.counts) > self.most:
            self.counts = dict(self.largest(self.most // 2))
            self.is_exact = False

    def largest(self, number: int) -> list[tuple[str, float]]:
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:number]


def summed(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.lines += tally.lines
        total.weight += tally.weight
        total.squares += tally.squares
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`count` of `of` lines, as estimated from the sample; shares from 0 to 1."""

    count: float
    of: float
    share: float
    low: float
    high: float


def estimate(part: Tally, whole: Tally) -> Estimate:
    share = min(part.weight / whole.weight, 1.0) if whole.weight else 0.0
    effective = whole.weight**2 / whole.squares if whole.squares else 0.0
    low, high = wilson(share, effective)
    return Estimate(count=part.weight, of=whole.weight, share=share, low=low, high=high)


def wilson(share: float, number: float) -> tuple[float, float]:
    """The 95 % score interval (Wilson 1927); everything is possible where nothing was seen."""
    if number <= 0:
        return 0.0, 1.0
    square = Z95 * Z95
    centre = share + square / (2 * number)
    reach = Z95 * sqrt(share * (1 - share) / number + square / (4 * number * number))
    scale = 1 + square / number
    # Rounding must not put the share itself outside.
    return max(0.0, min(share, (centre - reach) / scale)), min(1.0, max(share, (centre + reach) / scale))


PER_DECADE = 50


@dataclass(slots=True)
class Times:
    """Milliseconds in logarithmic bins: percentiles are within 5 % of the truth."""

    bins: dict[int, float] = field(default_factory=dict)
    slowest_ms: float = 0.0

    def add(self, ms: float, weight: float) -> None:
        place = bin_of(ms)
        self.bins[place] = self.bins.get(place, 0.0) + weight
        self.slowest_ms = max(self.slowest_ms, ms)

    def percentile(self, share: float) -> float:
        wanted, reached = share * sum(self.bins.values()), 0.0
        for place in sorted(self.bins):
            reached += self.bins[place]
            if reached >= wanted:
                return min(10 ** ((place + 0.5) / PER_DECADE), self.slowest_ms)
        return self.slowest_ms


def bin_of(ms: float) -> int:
    """From a microsecond to a day."""
    return floor(log10(min(max(ms, 0.001), 86_400_000)) * PER_DECADE)
