"""Lines of a log come in one after the other; counts go out. Holds no line; what is kept is bounded, however long the log."""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from evenhand.engine.draw import RANGE
from evenhand.engine.record import AxisRecord
from evenhand.logged import Logged, LogRecord, Unread
from evenhand.report.tally import Frequent, Tallies, Tally, Times

KEPT = 20
STATED = frozenset({"explicit", "nationality", "culture", "religion"})
EVERYBODY, NOBODY_STATED = "everybody", "no group stated"
_PLACES = re.compile(r"/\d+")
_AXES = re.compile(r"/axes/[^/]+")
Knows = Callable[[str], bool]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sight:
    """One decision to look at. Ordered by `overhead_ms`."""

    overhead_ms: float
    id: str
    timestamp: str
    request_id: str
    route: str
    outcome: str
    status: int
    people: int
    prompt: str
    source: str
    line: int


@dataclass(slots=True)
class Gathered:
    """Keys: outcomes (outcome,); reasons (axis, reason); drawn (axis, value); refusals (group, how, refused or sent)."""

    lines: Tally = field(default_factory=Tally)
    outcomes: Tallies = field(default_factory=Tallies)
    statuses: Tallies = field(default_factory=Tallies)
    revisions: Tallies = field(default_factory=Tallies)
    routes: Tallies = field(default_factory=Tallies)
    reasons: Tallies = field(default_factory=Tallies)
    axes: Tallies = field(default_factory=Tallies)
    rules: Tallies = field(default_factory=lambda: Tallies(5_000))
    drawn: Tallies = field(default_factory=Tallies)
    stated: Tallies = field(default_factory=lambda: Tallies(5_000))
    added: Tallies = field(default_factory=Tallies)
    drift: Tallies = field(default_factory=Tallies)
    remarks: Tallies = field(default_factory=Tallies)
    masked: Tallies = field(default_factory=Tallies)
    times: Times = field(default_factory=Times)
    unknown: Frequent = field(default_factory=Frequent)
    people: Tally = field(default_factory=Tally)
    unknown_people: Tally = field(default_factory=Tally)
    unknown_masked: Tally = field(default_factory=Tally)
    slowest: list[Sight] = field(default_factory=list)
    bypasses: list[Sight] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    unread_lines: int = 0
    lost: int = 0
    sampled: int = 0
    without_outcome: int = 0
    first: str = ""
    last: str = ""


def gather(lines: Iterable[Logged | Unread], knows: Knows) -> Gathered:
    """`knows` says whether a rule holds a word as a person; asked only where the line itself does not tell."""
    found = Gathered()
    for line in lines:
        if isinstance(line, Unread):
            found.unread_lines += 1
            if len(found.unread) < KEPT:
                found.unread.append(line)
        else:
            _add(found, line, knows)
    return found


def _add(found: Gathered, line: Logged, knows: Knows) -> None:
    record = line.record
    weight = 1 / min(max(record["sample"], 1e-6), 1.0)
    found.lines.add(weight)
    found.outcomes.add((record["outcome"],), weight)
    found.revisions.add((record["revision"],), weight)
    found.lost += record.get("lost", 0)
    found.sampled += record["sample"] < 1
    for remark in record.get("remarks", ()):
        found.remarks.add((remark,), weight)
    for pointer in record["masked"]:
        found.masked.add((_AXES.sub("/axes/*", _PLACES.sub("/*", pointer)),), weight)
    if line.is_log:
        _add_course(found, record, weight)
    else:
        found.without_outcome += 1
    _add_people(found, line, knows, weight)
    _add_sights(found, line, weight)


def _add_course(found: Gathered, record: LogRecord, weight: float) -> None:
    """What only the log of a service knows: when, where, and what the image API said."""
    found.first = min(found.first or record["timestamp"], record["timestamp"])
    found.last = max(found.last, record["timestamp"])
    found.routes.add((record["route"],), weight)
    for axis in record["drift"]:
        found.drift.add((axis,), weight)
    if not record["upstream_status"]:
        return
    found.statuses.add((str(record["upstream_status"]),), weight)
    how = "rewritten" if record["outcome"] == "rewritten" else "not rewritten"
    end = "refused" if record["refused"] else "drawn"
    for group in {EVERYBODY, *(stated_groups(record) or {NOBODY_STATED})}:
        found.stated.add((group, how, end), weight)
    for value in added_values(record):
        found.added.add((value, how, end), weight)


def stated_groups(record: LogRecord) -> set[str]:
    """The rules by which the prompt itself says who somebody is."""
    axes = (axis for subject in record["subjects"] for axis in subject["axes"].values())
    return {each["rule"] for axis in axes for each in axis["closed_by"] if each["reason"] in STATED}


def added_values(record: LogRecord) -> set[str]:
    """What was drawn and sent, where one image was asked for: a refusal of one of several can't be told apart."""
    if record["outcome"] != "rewritten" or len(record["rewrites"]) != 1:
        return set()
    return {one for subject in record["subjects"] for axis in subject["axes"].values() for one in values(axis)} - {RANGE}


def values(axis: AxisRecord) -> Iterator[str]:
    for value in axis["drawn"]:
        yield from [value] if isinstance(value, str) else value


def _add_people(found: Gathered, line: Logged, knows: Knows, weight: float) -> None:
    record = line.record
    for place, subject in enumerate(record["subjects"]):
        found.people.add(weight)
        word = subject["head"]["text"].lower()
        is_unknown = f"/subjects/{place}/head" in record["unknown"] if line.is_log else bool(word) and not knows(word)
        if is_unknown:
            found.unknown_people.add(weight)
            if word:
                found.unknown.add(word[:80], weight)
            else:
                found.unknown_masked.add(weight)
        for name, axis in subject["axes"].items():
            found.axes.add((name, axis["state"]), weight)
            for reason in {each["reason"] for each in axis["closed_by"]}:
                found.reasons.add((name, reason), weight)
            for rule in {each["rule"] for each in axis["closed_by"]}:
                found.rules.add((rule,), weight)
            for value in values(axis):
                found.drawn.add((name, value), weight)


def _add_sights(found: Gathered, line: Logged, weight: float) -> None:
    record = line.record
    sight = Sight(
        overhead_ms=record["overhead_ms"],
        id=record["id"],
        timestamp=record["timestamp"],
        request_id=record["request_id"],
        route=record["route"],
        outcome=record["outcome"],
        status=record["status"],
        people=len(record["subjects"]),
        prompt=record["prompt"][:300],
        source=line.source,
        line=line.number,
    )
    if record["outcome"] == "bypass":
        found.bypasses.append(sight)
        del found.bypasses[:-KEPT]
        return
    if record["outcome"] == "opted_out" or not line.is_log:
        return
    found.times.add(record["overhead_ms"], weight)
    if len(found.slowest) < KEPT:
        heapq.heappush(found.slowest, sight)
    else:
        heapq.heappushpop(found.slowest, sight)
