"""Analysis in, Plan out: an axis is open unless a finding closes it. There are no priorities and no scores."""

from evenhand.flow import Analysis, Axis, Finding, Plan, Ruling, Subject
from evenhand.rules.schema import PolicyFile

STATED = frozenset({"explicit", "nationality"})


def plan_for(analysis: Analysis, policy: PolicyFile) -> Plan:
    rulings = [_ruling(subject, axis, policy) for subject in analysis.subjects for axis in policy.axes]
    return Plan(analysis=analysis, rulings=tuple(rulings))


def _ruling(subject: Subject, axis: Axis, policy: PolicyFile) -> Ruling:
    if not policy.trial:
        return Ruling(subject=subject, axis=axis, closed_by=_closers(subject.findings, axis, policy))
    tried = tuple(finding for finding in subject.findings if finding.rule in policy.trial)
    firm = tuple(finding for finding in subject.findings if finding.rule not in policy.trial)
    return Ruling(subject=subject, axis=axis, closed_by=_closers(firm, axis, policy), on_trial=_closers(tried, axis, policy))


def _closers(findings: tuple[Finding, ...], axis: Axis, policy: PolicyFile) -> tuple[Finding, ...]:
    closers = tuple(finding for finding in findings if axis in finding.axes)
    if closers or policy.one_is_stated == "vary_rest":
        return closers
    return tuple(finding for finding in findings if finding.reason in STATED)
