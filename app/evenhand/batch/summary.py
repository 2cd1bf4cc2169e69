"""What a run came to: rows, outcomes, bad rows, speed, and how the drawn shares compare with the policy's. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evenhand.batch.journal import Progress
from evenhand.rules.schema import PolicyFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How often a value was drawn for a person in an image; `percent` of its axis, beside the policy's `target`."""

    axis: str
    value: str
    drawn: int
    percent: float
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """`resumed` rows were done by runs before this one; `seconds` is this run's time."""

    progress: Progress
    resumed: int
    seconds: float

    @property
    def bad(self) -> Mapping[str, int]:
        return counts(self.progress, "bad")

    @property
    def outcomes(self) -> Mapping[str, int]:
        return counts(self.progress, "outcome")

    @property
    def per_second(self) -> float:
        return (self.progress.rows - self.resumed) / max(self.seconds, 1e-9)


def counts(progress: Progress, kind: str) -> dict[str, int]:
    """The part of the tally under one heading, the most frequent first."""
    found = {name.partition("/")[2]: count for name, count in progress.tally.items() if name.startswith(f"{kind}/")}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def shares(progress: Progress, policy: PolicyFile) -> list[Share]:
    """One entry for each value of each axis of which anything was drawn; uncounted groups, who get a range, are left out."""
    drawn = counts(progress, "drawn")
    out = []
    for axis, targets in policy.axes.items():
        here = {value: drawn.get(f"{axis}/{value}", 0) for value in targets}
        total = sum(here.values())
        for value, count in here.items() if total else ():
            out.append(Share(axis=axis, value=value, drawn=count, percent=100 * count / total, target=targets[value]))
    return out


def summary_data(summary: Summary, policy: PolicyFile) -> dict[str, Any]:
    bad = sum(summary.bad.values())
    return {
        "rows": summary.progress.rows,
        "decided": summary.progress.rows - bad,
        "bad": bad,
        "bad_by_reason": dict(summary.bad),
        "outcomes": dict(summary.outcomes),
        "resumed_rows": summary.resumed,
        "seconds": round(summary.seconds, 3),
        "rows_per_second": round(summary.per_second, 1),
        "shares": [
            {"axis": it.axis, "value": it.value, "drawn": it.drawn, "percent": round(it.percent, 2), "target": it.target}
            for it in shares(summary.progress, policy)
        ],
    }
