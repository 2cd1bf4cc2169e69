"""Analysis in, Plan out: an axis is open unless a finding closes it. There are no priorities and no scores."""

from evenhand.flow import Analysis, Axis, Finding, Plan, Ruling, Subject
from evenhand.rules.schema import PolicyFile

STATED = frozenset({"explicit", "nationality"})


def plan_for(analysis: Analysis, policy: PolicyFile) -> Plan:
    rulings = [
        Ruling(subject=subject, axis=axis, closed_by=_closers(subject, axis, policy))
        for subject in analysis.subjects
        for axis in policy.axes
    ]
    return Plan(analysis=analysis, rulings=tuple(rulings))


def _closers(subject: Subject, axis: Axis, policy: PolicyFile) -> tuple[Finding, ...]:
    closers = tuple(finding for finding in subject.findings if axis in finding.axes)
    if closers or policy.one_is_stated == "vary_rest":
        return closers
    return tuple(finding for finding in subject.findings if finding.reason in STATED)
