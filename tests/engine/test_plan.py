"""An axis is open unless a finding closes it; there is nothing to tune but the policy's own switches."""

import pytest

from evenhand.engine import Engine
from evenhand.engine.plan import plan_for
from evenhand.flow import Analysis, Axis, Finding, Prompt, Reason, Span, Subject
from evenhand.rules import Ruleset
from evenhand.rules.schema import PolicyFile

SHARES: dict[Axis, dict[str, int]] = {"gender": {"woman": 50, "man": 50}, "ethnicity": {"Black": 50, "white": 50}}
HEAD = Span(0, 5)


def finding(reason: Reason, *axes: Axis) -> Finding:
    return Finding(span=HEAD, reason=reason, rule=f"{reason}/x", axes=frozenset(axes))


def analysis(*findings: Finding) -> Analysis:
    subject = Subject(span=HEAD, head=HEAD, count="one", number=1, findings=findings)
    return Analysis(prompt=Prompt(text="nurse"), subjects=(subject,), notes=())


def open_axes(policy: PolicyFile, *findings: Finding) -> list[Axis]:
    return [ruling.axis for ruling in plan_for(analysis(*findings), policy).rulings if ruling.is_open]


ROWS: list[tuple[list[Finding], list[Axis]]] = [
    ([], ["gender", "ethnicity"]),
    ([finding("cue", "gender")], ["ethnicity"]),
    ([finding("culture", "ethnicity")], ["gender"]),
    ([finding("named", "gender", "ethnicity", "age")], []),
    ([finding("cue", "gender"), finding("culture", "ethnicity")], []),
    ([finding("cue", "age")], ["gender", "ethnicity"]),
    ([finding("role")], ["gender", "ethnicity"]),
]


@pytest.mark.parametrize(("findings", "wanted"), ROWS)
def test_open_is_what_nothing_closes(findings: list[Finding], wanted: list[Axis]) -> None:
    assert open_axes(PolicyFile(axes=SHARES), *findings) == wanted


def test_all_closers_are_recorded_and_order_never_matters() -> None:
    one, two = finding("explicit", "gender"), finding("role", "gender", "ethnicity")
    policy = PolicyFile(axes=SHARES)
    rulings = plan_for(analysis(one, two), policy).rulings
    assert [(ruling.axis, set(map(id, ruling.closed_by))) for ruling in rulings] == [
        ("gender", {id(one), id(two)}),
        ("ethnicity", {id(two)}),
    ]
    assert open_axes(policy, one, two) == open_axes(policy, two, one)


def test_only_the_policys_axes_are_ruled() -> None:
    policy = PolicyFile(axes={"gender": {"woman": 50, "man": 50}})
    assert open_axes(policy) == ["gender"]
    assert open_axes(policy, finding("culture", "ethnicity")) == ["gender"]


LEAVE: list[tuple[Finding, list[Axis]]] = [
    (finding("explicit", "ethnicity"), []),
    (finding("nationality", "ethnicity"), []),
    (finding("culture", "ethnicity"), ["gender"]),
    (finding("cue", "gender"), ["ethnicity"]),
]


@pytest.mark.parametrize(("one", "wanted"), LEAVE)
def test_one_stated_axis_may_leave_the_rest(one: Finding, wanted: list[Axis]) -> None:
    assert open_axes(PolicyFile(axes=SHARES, one_is_stated="leave"), one) == wanted


def test_a_rule_on_trial_is_told_and_closes_nothing(shipped: Ruleset, engine: Engine) -> None:
    trial = shipped.policy.model_copy(update={"trial": ["terms/black"]})
    before = engine.decide(Prompt(text="a Black teacher")).plan.rulings
    after = engine.decide(Prompt(text="a Black teacher"), policy=trial).plan.rulings
    assert [(ruling.axis, ruling.is_open, len(ruling.on_trial)) for ruling in before] == [
        ("gender", True, 0),
        ("ethnicity", False, 0),
    ]
    assert [(ruling.axis, ruling.is_open, len(ruling.on_trial)) for ruling in after] == [
        ("gender", True, 0),
        ("ethnicity", True, 1),
    ]
    assert after[1].on_trial == before[1].closed_by
