"""The plan and the answers come in; the report's figures go out, as one frozen tree that the page shows and the JSON file holds.

Refusals are of what was drawn or refused, errors of every answer, drift of drawn pictures whose revised prompt was told.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evenhand.probe.drifting import Reader
from evenhand.probe.judging import ALPHA, Compared, Counts, Table, comparisons, judged
from evenhand.probe.plan import Ask, Half
from evenhand.probe.reading import Answer
from evenhand.probe.statistics import detectable, difference, rate
from evenhand.report.tally import Estimate

MEASURES = ("refusals", "errors", "drift")
MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`prompt` is one that the event happened to."""

    compared: Compared
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """`needed` is the rate a group would have to show for this probe to find it four times out of five."""

    measure: str
    half: Half
    axis: str
    overall: Estimate
    groups: tuple[Group, ...]
    tested: bool
    needed: float | None
    group_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What the sidecar changes: the raw half beside the guarded one."""

    measure: str
    raw: Estimate
    guarded: Estimate
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A prompt outside of groups."""

    prompt: str
    why: str
    half: Half
    outcome: str
    code: str
    decision: str
    drift: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    prompt: str
    revised: str
    half: Half
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """`unknown` were under way when a run was broken off; `left` were never sent."""

    planned: int
    answered: int
    unknown: int
    left: int
    first: str
    last: str
    outcomes: tuple[tuple[Half, str, int], ...]
    codes: tuple[tuple[str, int], ...]
    decisions: tuple[tuple[Half, str, int], ...]
    second_tries: int
    not_kept: int
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    about: Mapping[str, Any]
    coverage: Coverage
    comparisons: int
    alpha: float
    threshold: float
    axes: tuple[Axis, ...]
    added: tuple[Added, ...]
    watched: tuple[Watched, ...]
    drifted: tuple[Drifted, ...]
    drifted_in_all: int

    @property
    def flagged(self) -> tuple[tuple[Axis, Compared], ...]:
        """The largest differences first."""
        found = [(axis, group.compared) for axis in self.axes for group in axis.groups if group.compared.flagged]
        return tuple(sorted(found, key=lambda pair: -abs(pair[1].difference)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answered request; `drift` is None where nothing was told."""

    ask: Ask
    answer: Answer
    drift: tuple[str, ...] | None

    def event(self, measure: str) -> bool | None:
        """None where the measure does not count this answer."""
        outcome = self.answer.outcome
        if measure == "errors":
            return outcome == "error"
        if measure == "refusals":
            return None if outcome == "error" else outcome == "refused"
        return None if self.drift is None else bool(self.drift)


def seen_of(asks: Sequence[Ask], answers: Mapping[str, Answer], reader: Reader) -> list[Seen]:
    found = [(ask, answers[ask.key]) for ask in asks if ask.key in answers]
    return [Seen(ask=ask, answer=each, drift=reader.drift(ask, each.revised) if each.revised else None) for ask, each in found]


def figures_of(
    seen: Sequence[Seen], *, about: Mapping[str, Any], coverage: Coverage, why: Mapping[str, str], threshold: float
) -> Figures:
    """`why` tells of prompts outside of groups what they are known for. `threshold` is from 0 to 1."""
    tables = _tables(seen)
    family = comparisons(tables)
    moved = [each for each in seen if each.drift]
    return Figures(
        about=about,
        coverage=coverage,
        comparisons=family,
        alpha=ALPHA,
        threshold=threshold,
        axes=tuple(_axis(*pair, seen, family) for pair in zip(tables, judged(tables, threshold=threshold), strict=True)),
        added=tuple(_added(seen)),
        watched=tuple(_watched(each, why) for each in seen if not each.ask.axis),
        drifted=tuple(_drifted(each) for each in moved[:MOST_EXAMPLES]),
        drifted_in_all=len(moved),
    )


def _tables(seen: Sequence[Seen]) -> list[Table]:
    """In the order of the page: by axis, by measure, by half; none where nothing was counted."""
    found: dict[tuple[str, str, Half], Table] = {}
    for each in sorted(seen, key=lambda each: (each.ask.axis, each.ask.value)):
        for measure in MEASURES:
            event, ask = each.event(measure), each.ask
            if ask.axis and event is not None:
                key = (ask.axis, measure, ask.half)
                table = found.setdefault(key, Table(measure=measure, half=ask.half, axis=ask.axis))
                table.add(ask.value, f"{ask.set}\0{ask.carrier}", event=event)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], MEASURES.index(key[1]), key[2]))]


def _axis(table: Table, compared: Sequence[Compared], seen: Sequence[Seen], family: int) -> Axis:
    whole = table.total(list(table.cells))
    examples = _examples(table, seen)
    return Axis(
        measure=table.measure,
        half=table.half,
        axis=table.axis,
        overall=rate(whole.events, whole.number),
        groups=tuple(Group(compared=each, prompt=examples.get(each.value, "")) for each in compared),
        tested=table.tells(),
        needed=_needed(table, whole, family),
        group_size=_size(table),
    )


def _size(table: Table) -> int:
    """Of the smallest group."""
    return min(table.total([value]).number for value in table.cells)


def _needed(table: Table, whole: Counts, family: int) -> float | None:
    """Where nothing has happened yet, this axis would join the family."""
    size = _size(table)
    alpha = ALPHA / (family if table.tells() else family + len(table.cells))
    return detectable(size, whole.number - size, round(whole.events * (whole.number - size) / whole.number), alpha=alpha)


def _examples(table: Table, seen: Sequence[Seen]) -> dict[str, str]:
    """By group the first prompt that the event happened to."""
    found: dict[str, str] = {}
    for each in seen:
        if (each.ask.axis, each.ask.half) == (table.axis, table.half) and each.event(table.measure):
            found.setdefault(each.ask.value, each.ask.prompt)
    return found


def _added(seen: Sequence[Seen]) -> list[Added]:
    """Only prompts that both halves have an answer for."""
    found = []
    for measure in MEASURES:
        counts = {half: _events(seen, measure, half) for half in ("raw", "guarded")}
        both = counts["raw"].keys() & counts["guarded"].keys()
        if both:
            raw, guarded = (rate(sum(counts[half][name] for name in both), len(both)) for half in ("raw", "guarded"))
            moved, low, high = difference(guarded, raw)
            found.append(Added(measure=measure, raw=raw, guarded=guarded, difference=moved, low=low, high=high))
    return found


def _events(seen: Sequence[Seen], measure: str, half: str) -> dict[tuple[str, ...], bool]:
    told: dict[tuple[str, ...], bool] = {}
    turns: Counter[tuple[str, ...]] = Counter()
    for each in seen:
        event = each.event(measure)
        if each.ask.half == half:
            named = (each.ask.set, each.ask.value, each.ask.prompt)
            turns[named] += 1
            if event is not None:
                told[*named, str(turns[named])] = event
    return told


def _watched(each: Seen, why: Mapping[str, str]) -> Watched:
    return Watched(
        prompt=each.ask.prompt,
        why=why.get(each.ask.prompt, ""),
        half=each.ask.half,
        outcome=each.answer.outcome,
        code=each.answer.code,
        decision=each.answer.decision,
        drift=each.drift or (),
    )


def _drifted(each: Seen) -> Drifted:
    return Drifted(prompt=each.ask.prompt, revised=each.answer.revised, half=each.ask.half, axes=each.drift or ())


def coverage_of(seen: Sequence[Seen], *, planned: int, unknown: int, first: str, last: str) -> Coverage:
    outcomes = Counter((each.ask.half, each.answer.outcome) for each in seen)
    decisions = Counter((each.ask.half, each.answer.decision) for each in seen)
    codes = Counter(f"{each.answer.status or 'no answer'} {each.answer.code}".strip() for each in seen)
    return Coverage(
        planned=planned,
        answered=len(seen),
        unknown=unknown,
        left=planned - len(seen) - unknown,
        first=first,
        last=last,
        outcomes=tuple((half, outcome, count) for (half, outcome), count in sorted(outcomes.items())),
        codes=tuple(codes.most_common()),
        decisions=tuple((half, decision, count) for (half, decision), count in sorted(decisions.items())),
        second_tries=sum("original_after_refusal" in each.answer.remarks for each in seen),
        not_kept=sum(each.answer.code == "not_kept" for each in seen),
        cautions=tuple(_cautions(seen)),
    )


def _cautions(seen: Sequence[Seen]) -> list[str]:
    """What makes the figures say less than they seem to."""
    raw = [each for each in seen if each.ask.half == "raw" and each.answer.decision]
    ours = [each for each in seen if each.ask.half == "guarded"]
    told = []
    touched = sum(each.answer.decision != "opted_out" for each in raw)
    if touched:
        told.append(f"{touched} raw requests were not opted out; the policy's 'opt_out' must be true for a raw half.")
    if ours and not any(each.answer.decision for each in ours):
        told.append("No answer came from a sidecar (no X-Evenhand-Decision header), so nothing was guarded.")
    if any(each.answer.decision in ("shadow", "bypass", "opted_out") for each in ours):
        told.append("Some guarded requests went out as they were (shadow, bypass or opted out); see the decisions.")
    return told
