"""Counts by group and sentence come in; each group beside the others, and which groups stand out, go out.

All comparisons of a report are one family (Holm 1979): were all groups alike, at most one report in twenty would flag any.
A group that stands out is left out of the others that the rest is compared with; else one group's bad luck would look like
everybody else's privilege.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from evenhand.probe.plan import Half
from evenhand.probe.statistics import dealt, difference, rate, swapped, tail
from evenhand.report.tally import Estimate

ALPHA = 0.05
Verdict = Literal["", "more", "less", "small"]


@dataclass(slots=True)
class Counts:
    number: int = 0
    events: int = 0


@dataclass(slots=True, kw_only=True)
class Table:
    """One measure on one axis, in one half of the probe: value -> sentence -> counts."""

    measure: str
    half: Half
    axis: str
    cells: dict[str, dict[str, Counts]] = field(default_factory=dict)

    def add(self, value: str, carrier: str, *, event: bool) -> None:
        counts = self.cells.setdefault(value, {}).setdefault(carrier, Counts())
        counts.number += 1
        counts.events += event

    def total(self, values: Sequence[str]) -> Counts:
        cells = [counts for value in values for counts in self.cells[value].values()]
        return Counts(sum(each.number for each in cells), sum(each.events for each in cells))

    def tells(self) -> bool:
        """False where every answer was alike, so that nothing could be found."""
        whole = self.total(list(self.cells))
        return len(self.cells) > 1 and 0 < whole.events < whole.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A group beside the others. `p` is corrected; `verdict` is `small` where a certain difference is too small to matter."""

    value: str
    here: Estimate
    others: Estimate
    difference: float
    low: float
    high: float
    p: float
    verdict: Verdict = ""

    @property
    def flagged(self) -> bool:
        return self.verdict in ("more", "less")


@dataclass(slots=True, eq=False)
class _Contest:
    """A table while groups are taken out of it."""

    table: Table
    left: list[str]
    done: dict[str, Compared] = field(default_factory=dict)

    def compared(self, value: str) -> Compared:
        """Uncorrected. Beside those left, or beside all where there is nobody left."""
        others = [each for each in self.left if each != value] or [each for each in self.table.cells if each != value]
        mine, rest = (self.table.total(values) for values in ([value], others))
        here, there = rate(mine.events, mine.number), rate(rest.events, rest.number)
        found, low, high = difference(here, there)
        p = tail(_chances(self.table.cells, value, others), mine.events)
        return Compared(value=value, here=here, others=there, difference=found, low=low, high=high, p=p)

    def candidates(self) -> list[Compared]:
        return [self.compared(value) for value in self.left] if len(self.left) > 1 else []


def _chances(cells: Mapping[str, Mapping[str, Counts]], value: str, others: Sequence[str]) -> list[tuple[float, ...]]:
    """One entry a sentence. Where groups have unlike numbers there (some were refused, or not sent), prompts are dealt out."""
    found = []
    for carrier, mine in cells[value].items():
        rest = [cells[other][carrier] for other in others if carrier in cells[other]]
        if all(each.number == mine.number for each in rest):
            found.append(swapped(mine.events, [each.events for each in rest], mine.number))
        else:
            total = mine.events + sum(each.events for each in rest)
            found.append(dealt(mine.number, sum(each.number for each in rest), total))
    return found


def judged(tables: Sequence[Table], *, threshold: float) -> list[list[Compared]]:
    """One list a table, one entry a group. `threshold` is the smallest difference that is flagged, from 0 to 1."""
    contests = [_Contest(table, sorted(table.cells)) for table in tables]
    family = [contest for contest in contests if contest.table.tells()]
    number, last = comparisons(tables), 0.0
    waiting = {id(contest): contest.candidates() for contest in family}
    while pairs := [(each, contest) for contest in family for each in waiting[id(contest)]]:
        # Of two groups that only have each other, the worse off.
        best, contest = min(pairs, key=lambda pair: (pair[0].p, -pair[0].difference))
        last = max(last, min(1.0, best.p * number))
        if last >= ALPHA:
            break
        contest.done[best.value] = replace(best, p=last, verdict=_verdict(best, threshold))
        contest.left.remove(best.value)
        waiting[id(contest)] = contest.candidates()
        number -= 1
    _rest(contests, family, number, last)
    return [[contest.done[value] for value in contest.table.cells] for contest in contests]


def comparisons(tables: Sequence[Table]) -> int:
    """How many the family holds."""
    return sum(len(table.cells) for table in tables if table.tells())


def _verdict(found: Compared, threshold: float) -> Verdict:
    if abs(found.difference) < threshold:
        return "small"
    return "more" if found.difference > 0 else "less"


def _rest(contests: Sequence[_Contest], family: Sequence[_Contest], number: int, last: float) -> None:
    """Those that did not stand out, corrected on from where it ended."""
    open_ones = [(contest.compared(value), contest) for contest in contests for value in contest.left]
    for found, contest in sorted(open_ones, key=lambda pair: pair[0].p):
        counted = contest in family and len(contest.left) > 1
        last = max(last, min(1.0, found.p * number)) if counted else last
        contest.done[found.value] = replace(found, p=last if counted else 1.0)
        number -= counted
