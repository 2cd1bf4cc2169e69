"""Decisions of the last while, counted: each finished decision comes in, time series for the dashboard go out.

Bounded in time and in labels: a label is one of our own words or a value of the policy, never what a client sent. Keeps no
prompt. Noted and read in the event loop only, so it needs no lock.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from evenhand.engine.draw import RANGE
from evenhand.flow import AXES, Decision
from evenhand.proxy.watch.ledger import Entry

BOUNDS_MS = (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000)
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
OVERHEAD = "overhead"
Label = tuple[str, str]


class History:
    """`buckets` of `bucket_s` seconds each; `clock` tells the seconds since the epoch."""

    def __init__(self, *, buckets: int = 360, bucket_s: int = 10, clock: Callable[[], float] = time.time) -> None:
        self.buckets = buckets
        self.bucket_s = bucket_s
        self._clock = clock
        self._counts: dict[int, Counter[Label]] = {}

    @property
    def window_s(self) -> int:
        return self.buckets * self.bucket_s

    def note(self, entry: Entry) -> None:
        slot = self._slot()
        if slot not in self._counts:
            self._forget(slot)
            self._counts[slot] = Counter()
        self._counts[slot].update(labels_of(entry))

    def series(self, *, window_s: int | None = None, points: int = 60) -> dict[str, Any]:
        """At most `points` steps that end now; each family's labels with one count a step, and their totals.

        `at` is where each step begins, in seconds since the epoch. Percentiles are in milliseconds, None without decisions.
        """
        spans = max(1, min(self.buckets, (window_s or self.window_s) // self.bucket_s))
        width = -(-spans // max(1, points))
        steps = -(-spans // width)
        last = self._slot() // width
        slots = range(last - steps + 1, last + 1)
        counted = [self._step(step * width, width) for step in slots]
        total = sum(counted, Counter())
        return {
            "step_s": width * self.bucket_s,
            "at": [step * width * self.bucket_s for step in slots],
            "series": _by_family(total, counted),
            "totals": {family: dict(sorted(labels.items())) for family, labels in _families(total).items()},
            "overhead_ms": {name: [percentile(step, share) for step in counted] for name, share in QUANTILES.items()},
            "overhead_ms_all": {name: percentile(total, share) for name, share in QUANTILES.items()},
        }

    def counts(self, *, since: float = 0) -> list[tuple[int, str, str, int]]:
        """The count of each label in each bucket that ended after `since`, in seconds since the epoch."""
        buckets = [(slot, counts) for slot, counts in self._counts.items() if (slot + 1) * self.bucket_s > since]
        return [(slot, *label, count) for slot, counts in buckets for label, count in counts.items()]

    def add(self, counts: Iterable[tuple[int, str, str, int]]) -> None:
        """Takes in what another history with buckets as long told by `counts`."""
        for slot, family, label, count in counts:
            self._counts.setdefault(slot, Counter())[family, label] += count
        self._forget(max(self._counts, default=0))

    def _forget(self, last: int) -> None:
        self._counts = {old: counts for old, counts in self._counts.items() if last - self.buckets < old}

    def _slot(self) -> int:
        return int(self._clock() // self.bucket_s)

    def _step(self, first: int, width: int) -> Counter[Label]:
        return sum((self._counts.get(slot, Counter()) for slot in range(first, first + width)), Counter())


def labels_of(entry: Entry) -> Iterator[Label]:
    decision = entry.decision
    yield "outcome", decision.outcome
    yield "answer", f"{entry.status // 100}xx" if 100 <= entry.status < 600 else "none"
    yield from (("reason", reason) for reason in {finding.reason for finding in _closing(decision)})
    yield from _drawn(entry)
    yield from (("drift", axis) for axis in AXES if axis in entry.drift)
    if entry.refused:
        yield "refused", "refused"
    if decision.overhead_ms > 0:
        yield OVERHEAD, str(bisect_left(BOUNDS_MS, decision.overhead_ms))


def _closing(decision: Decision) -> Iterator[Any]:
    return (finding for ruling in decision.plan.rulings for finding in ruling.closed_by)


def _drawn(entry: Entry) -> Iterator[Label]:
    """Values of the policy; a group without a number is `range`, which has no share of its own."""
    if not any(entry.decision.draws):
        return
    policy = entry.rules.policy
    parts = [policy.axes, *(part.axes for part in (*policy.routes.values(), *policy.tenants.values()))]
    for draw in (draw for image in entry.decision.draws for draw in image):
        axis = draw.ruling.axis
        known = {RANGE}.union(*(axes.get(axis, {}) for axes in parts))
        yield from ((f"drawn/{axis}", value) for value in draw.values if value in known)


def _families(counts: Counter[Label]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (family, label), count in counts.items():
        if family != OVERHEAD:
            found.setdefault(family, {})[label] = count
    return found


def _by_family(total: Counter[Label], counted: list[Counter[Label]]) -> dict[str, dict[str, list[int]]]:
    return {
        family: {label: [step[family, label] for step in counted] for label in sorted(labels)}
        for family, labels in _families(total).items()
    }


def percentile(counts: Counter[Label], share: float) -> float | None:
    """In milliseconds, between the bounds of the bucket it falls in; above the last bound, that bound."""
    tallies = [counts[OVERHEAD, str(index)] for index in range(len(BOUNDS_MS) + 1)]
    wanted = share * sum(tallies)
    reached = 0.0
    for index, tally in enumerate(tallies):
        if tally and reached + tally >= wanted:
            low = BOUNDS_MS[index - 1] if index else 0.0
            high = BOUNDS_MS[min(index, len(BOUNDS_MS) - 1)]
            return round(low + (high - low) * (wanted - reached) / tally, 3)
        reached += tally
    return None
