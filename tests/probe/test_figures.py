"""What is counted of what, what the sidecar adds, and what the report warns of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evenhand.probe.drifting import Reader
from evenhand.probe.figures import Figures, Seen, coverage_of, seen_of
from evenhand.probe.plan import Ask
from evenhand.probe.reading import Answer, Outcome
from evenhand.probe.sets import SetFile

Plan = Callable[..., tuple[Ask, ...]]
Make = Callable[..., Figures]


def refuse(*values: str) -> Callable[[Ask], Outcome]:
    return lambda ask: "refused" if ask.value in values else "drawn"


def test_an_unfair_group_is_found_on_its_axis(plan: Plan, figures: Make) -> None:
    found = figures(plan(), refuse("Black"))
    assert [(axis.axis, axis.measure, one.value, one.verdict) for axis, one in found.flagged] == [
        ("ethnicity", "refusals", "Black", "more")
    ]
    (axis, _), *_ = found.flagged
    assert (axis.overall.count, axis.overall.of, axis.group_size) == (8, 32, 8)
    example = next(group.prompt for group in axis.groups if group.compared.value == "Black")
    assert "Black" in example


@pytest.mark.parametrize("seed", range(20))
def test_a_rule_by_sentence_is_fair(plan: Plan, figures: Make, seed: int) -> None:
    found = figures(plan(seed=seed), lambda ask: "refused" if "singer" in ask.carrier or "nurses" in ask.carrier else "drawn")
    assert found.flagged == ()
    assert found.comparisons == 6


def test_what_counts_for_which_measure(plan: Plan, figures: Make) -> None:
    ask, *_ = plan()
    table: list[tuple[Outcome, tuple[str, ...] | None, tuple[bool | None, bool | None, bool | None]]] = [
        ("drawn", None, (False, False, None)),
        ("drawn", (), (False, False, False)),
        ("drawn", ("gender",), (False, False, True)),
        ("refused", None, (True, False, None)),
        ("error", None, (None, True, None)),
    ]
    for outcome, drift, wanted in table:
        seen = Seen(ask=ask, answer=Answer(outcome=outcome, status=200), drift=drift)
        assert (seen.event("refusals"), seen.event("errors"), seen.event("drift")) == wanted


def test_prompts_outside_of_groups_are_only_watched(plan: Plan, figures: Make) -> None:
    found = figures(plan("seen"), lambda _: "refused", code="moderation_blocked")
    assert found.axes == ()
    (one,) = found.watched
    assert (one.prompt, one.why, one.outcome, one.code) == ("a 1943 German soldier", "Known.", "refused", "moderation_blocked")


def test_what_the_sidecar_adds(plan: Plan, figures: Make) -> None:
    asks = plan(halves=("guarded", "raw"))
    found = figures(asks, lambda ask: "refused" if ask.half == "guarded" and ask.value == "Muslim" else "drawn")
    refusals, errors = found.added
    assert (refusals.raw.count, refusals.guarded.count, refusals.raw.of, refusals.guarded.of) == (0, 8, 49, 49)
    assert refusals.low <= refusals.difference <= refusals.high
    assert errors.difference == 0
    assert figures(plan(), refuse()).added == ()
    broken_off = figures([ask for ask in asks if ask.half == "guarded" or ask.value == "Jewish"], refuse())
    assert {each.raw.of for each in broken_off.added} == {8}, "only what both halves have"


def test_drift_is_listed(plan: Plan, figures: Make) -> None:
    found = figures(plan(), refuse(), drift=("gender",), revised="a man")
    assert (len(found.drifted), found.drifted_in_all) == (20, 49)
    assert found.drifted[0].axes == ("gender",)


def test_needed_rates_are_honest(plan: Plan, figures: Make) -> None:
    few, many = (figures(plan("ethnicity", per_group=number), refuse("Black")) for number in (1, 30))
    assert few.axes[0].needed is None
    assert many.axes[0].needed is not None
    assert few.flagged == ()


CAUTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("raw", {"decision": "rewritten"}, "were not opted out"),
    ("raw", {"decision": "opted_out"}, ""),
    ("guarded", {}, "No answer came from a sidecar"),
    ("guarded", {"decision": "shadow"}, "went out as they were"),
    ("guarded", {"decision": "unchanged"}, ""),
]


@pytest.mark.parametrize(("half", "fields", "told"), CAUTIONS)
def test_cautions(plan: Plan, figures: Make, half: Any, fields: dict[str, Any], told: str) -> None:
    cautions = figures(plan(halves=(half,)), refuse(), **fields).coverage.cautions
    assert (told in cautions[0]) if told else not cautions


def test_coverage(plan: Plan, data: SetFile, reader_of: Callable[[SetFile], Reader]) -> None:
    asks = plan("ethnicity")
    drawn = Answer(outcome="drawn", status=200, revised="a lake", remarks="original_after_refusal")
    answers = {
        asks[0].key: drawn,
        asks[1].key: replace(drawn, revised="", outcome="error", status=0, code="timeout"),
        "gone": drawn,
    }
    seen = seen_of(asks, answers, reader_of(data))
    assert [each.drift for each in seen] == [(), None]
    told = coverage_of(seen, planned=len(asks), unknown=3, first="", last="")
    assert (told.planned, told.answered, told.unknown, told.left, told.second_tries) == (32, 2, 3, 27, 2)
    assert dict(told.codes) == {"200": 1, "no answer timeout": 1}
