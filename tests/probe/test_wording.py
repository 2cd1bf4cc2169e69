"""Sentences of the plan, of an early end, and of findings."""

from collections.abc import Callable
from typing import Any

import pytest

from evenhand.probe.sending import Course
from evenhand.probe.wording import cost_line, course_line, plan_lines, span, verdict_line, worst_lines

Make = Callable[..., Any]


def test_the_plan_says_what_it_costs(plan: Make) -> None:
    lines = list(plan_lines(plan(halves=("guarded", "raw"), per_group=2), rate=0.5, price=0.25))
    assert lines[0] == "ethnicity: 16 requests (Black 4, East Asian 4, Hispanic 4, white 4)"
    assert "seen: 2 requests (not compared)" in lines
    assert "ethnicity: with 2 prompts a group, nothing can be found; raise --per-group" in lines
    assert lines[-1] == "cost: 26 requests for one picture each, 6.50 at 0.25 each; at 0.5 a second at least 0:00:52"
    assert any("a group is found that is refused" in line for line in plan_lines(plan(per_group=30), rate=1, price=None))


def test_without_a_price() -> None:
    assert cost_line(7200, rate=1, price=None) == "cost: 7,200 requests for one picture each; at 1 a second at least 2:00:00"
    assert span(0.2) == "0:00:01"


def test_an_early_end_is_a_sentence_with_a_way_on() -> None:
    assert course_line(Course(), 0) == ""
    for why in ("told", "budget", "key", "address", "trouble", "fields", "rate", "unreachable"):
        said = course_line(Course(why=why, detail="401"), 3)  # type: ignore[arg-type]
        assert said.endswith("3 requests are left; the same command with --resume goes on.")
        assert "{" not in said


@pytest.mark.parametrize(
    ("refused", "said"),
    [((), "No group stands out."), (("Black",), "One group stands out.")],
)
def test_the_verdict(plan: Make, figures: Make, refused: tuple[str, ...], said: str) -> None:
    found = figures(plan(per_group=16), lambda ask: "refused" if ask.value in refused else "drawn")
    assert verdict_line(found) == said
    assert len(worst_lines(found)) == len(refused)


def test_a_finding_names_group_rates_and_interval(plan: Make, figures: Make) -> None:
    (line,) = worst_lines(figures(plan(), lambda ask: "error" if ask.value == "white" else "drawn"))
    assert line.startswith("ethnicity 'white' ends in an error more often (guarded): 100% against 0% of the others, +")
