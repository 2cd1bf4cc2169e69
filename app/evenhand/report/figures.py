"""Counts come in; the report's figures go out, as one frozen tree that the page shows and `--format json` prints.

Whatever the page shows stands here; nothing here draws or formats.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evenhand.engine.draw import RANGE
from evenhand.logged import Unread
from evenhand.report.gather import EVERYBODY, NOBODY_STATED, Gathered, Sight
from evenhand.report.tally import PER_DECADE, Estimate, Tallies, Tally, estimate, summed

MOST_GROUPS, MOST_RULES, MOST_WORDS = 24, 20, 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    label: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Why an axis of a person was left alone; `open` and the reasons are shares of all persons."""

    axis: str
    open: Estimate
    reasons: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One value's share of all draws; `deviates` where the interval leaves the target out."""

    axis: str
    value: str
    target: float | None
    estimate: Estimate

    @property
    def deviates(self) -> bool:
        return self.target is not None and not self.estimate.low <= self.target <= self.estimate.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """How often the image API refused prompts of a group, after a rewrite and without one; None where there was none."""

    group: str
    rewritten: Estimate | None
    untouched: Estimate | None

    @property
    def lines(self) -> float:
        return sum(each.of for each in (self.rewritten, self.untouched) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """Milliseconds; each bin is (from, to, decisions)."""

    p50: float
    p90: float
    p99: float
    slowest: float
    bins: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    word: str
    count: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was read, and what the figures can't tell. `lost` decisions found no room in the log's queue."""

    sources: tuple[str, ...]
    decisions: float
    lines: int
    first: str
    last: str
    unread_lines: int
    unread: tuple[Unread, ...]
    sampled_lines: int
    lost: int
    lines_without_course: int
    masked: tuple[Row, ...]
    revisions: tuple[Row, ...]
    target_revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    coverage: Coverage
    outcomes: tuple[Row, ...]
    remarks: tuple[Row, ...]
    statuses: tuple[Row, ...]
    routes: tuple[Row, ...]
    reasons: tuple[Reasons, ...]
    rules: tuple[Row, ...]
    drawn: tuple[Drawn, ...]
    ranges: float
    refusals: tuple[Refusals, ...]
    refusals_by_drawn: tuple[Refusals, ...]
    drift: tuple[Row, ...]
    overhead: Overhead | None
    slowest: tuple[Sight, ...]
    unknown: Estimate
    unknown_masked: float
    unknown_words: tuple[Word, ...]
    unknown_is_exact: bool
    bypasses: tuple[Sight, ...]


Targets = Mapping[str, Mapping[str, int]]


def figures_of(found: Gathered, *, sources: tuple[str, ...], targets: Targets, revision: str) -> Figures:
    """`targets` are percentages an axis and value, those of the rules of `revision`."""
    return Figures(
        coverage=_coverage(found, sources, revision),
        outcomes=_rows(found.outcomes, found.lines),
        remarks=_rows(found.remarks, found.lines),
        statuses=_rows(found.statuses, found.statuses.total()),
        routes=_rows(found.routes, found.routes.total(), most=MOST_RULES),
        reasons=_reasons(found),
        rules=_rows(found.rules, found.axes.total(), most=MOST_RULES),
        drawn=_drawn(found, targets),
        ranges=sum(tally.weight for (_, value), tally in found.drawn.by.items() if value == RANGE),
        refusals=_refusals(found.stated),
        refusals_by_drawn=_refusals(found.added),
        drift=_rows(found.drift, found.lines),
        overhead=_overhead(found),
        slowest=tuple(sorted(found.slowest, reverse=True)),
        unknown=estimate(found.unknown_people, found.people),
        unknown_masked=found.unknown_masked.weight,
        unknown_words=tuple(Word(word=word, count=count) for word, count in found.unknown.largest(MOST_WORDS)),
        unknown_is_exact=found.unknown.is_exact,
        bypasses=tuple(found.bypasses),
    )


def _coverage(found: Gathered, sources: tuple[str, ...], revision: str) -> Coverage:
    return Coverage(
        sources=sources,
        decisions=found.lines.weight,
        lines=found.lines.lines,
        first=found.first,
        last=found.last,
        unread_lines=found.unread_lines,
        unread=tuple(found.unread),
        sampled_lines=found.sampled,
        lost=found.lost,
        lines_without_course=found.without_outcome,
        masked=_rows(found.masked, found.lines),
        revisions=_rows(found.revisions, found.lines, most=MOST_RULES),
        target_revision=revision,
    )


def _rows(tallies: Tallies, whole: Tally, *, most: int | None = None) -> tuple[Row, ...]:
    return tuple(Row(label=" ".join(key), estimate=estimate(tally, whole)) for key, tally in tallies.largest(most))


def _reasons(found: Gathered) -> tuple[Reasons, ...]:
    axes = sorted({axis for axis, _ in found.axes.by})
    return tuple(_reasons_of(axis, found) for axis in axes)


def _reasons_of(axis: str, found: Gathered) -> Reasons:
    whole = summed(tally for (name, _), tally in found.axes.by.items() if name == axis)
    reasons = [(reason, tally) for (name, reason), tally in found.reasons.largest() if name == axis]
    return Reasons(
        axis=axis,
        open=estimate(found.axes.by.get((axis, "open"), Tally()), whole),
        reasons=tuple(Row(label=reason, estimate=estimate(tally, whole)) for reason, tally in reasons),
    )


def _drawn(found: Gathered, targets: Targets) -> tuple[Drawn, ...]:
    """Values in the order of the policy, then others; a value of the policy that was never drawn is a row, too."""
    rows = []
    for axis in sorted({axis for axis, _ in found.drawn.by}):
        seen = {value: tally for (name, value), tally in found.drawn.by.items() if name == axis and value != RANGE}
        whole = summed(seen.values())
        wanted = targets.get(axis, {})
        for value in dict.fromkeys([*wanted, *sorted(seen)]) if seen else ():
            target = wanted[value] / 100 if value in wanted else None
            rows.append(Drawn(axis=axis, value=value, target=target, estimate=estimate(seen.get(value, Tally()), whole)))
    return tuple(rows)


def _refusals(tallies: Tallies) -> tuple[Refusals, ...]:
    """Everybody first, then those without a stated group, then groups by size."""
    rows = [
        Refusals(
            group=group, rewritten=_refused(tallies, group, "rewritten"), untouched=_refused(tallies, group, "not rewritten")
        )
        for group in sorted({group for group, _, _ in tallies.by})
    ]
    first = {EVERYBODY: 0, NOBODY_STATED: 1}
    return tuple(sorted(rows, key=lambda row: (first.get(row.group, 2), -row.lines, row.group))[:MOST_GROUPS])


def _refused(tallies: Tallies, group: str, how: str) -> Estimate | None:
    refused = tallies.by.get((group, how, "refused"), Tally())
    whole = summed([refused, tallies.by.get((group, how, "drawn"), Tally())])
    return estimate(refused, whole) if whole.lines else None


def _overhead(found: Gathered) -> Overhead | None:
    times = found.times
    if not times.bins:
        return None
    wide = PER_DECADE // 10
    counts: dict[int, float] = {}
    for place, count in times.bins.items():
        counts[place // wide] = counts.get(place // wide, 0.0) + count
    places = range(min(counts), max(counts) + 1)
    bins = tuple((10 ** (place / 10), 10 ** ((place + 1) / 10), counts.get(place, 0.0)) for place in places)
    p50, p90, p99 = (times.percentile(share) for share in (0.5, 0.9, 0.99))
    return Overhead(p50=p50, p90=p90, p99=p99, slowest=times.slowest_ms, bins=bins)
