"""Figures of logs made by hand, where every number can be counted."""

from collections.abc import Callable
from typing import Any

from evenhand.logged import Unread

Make = Callable[..., Any]


def test_outcomes_and_what_the_report_rests_on(line: Make, figures: Make) -> None:
    found = figures(
        line(timestamp="2026-01-02T00:00:00.000Z"),
        Unread(source="log", number=2, why="the line is no JSON"),
        line(outcome="unchanged", sample=0.5, lost=3, timestamp="2026-01-01T00:00:00.000Z"),
    )
    assert [(row.label, row.estimate.count) for row in found.outcomes] == [("unchanged", 2.0), ("rewritten", 1.0)]
    rests = found.coverage
    assert (rests.lines, rests.decisions, rests.lost, rests.sampled_lines, rests.unread_lines) == (2, 3.0, 3, 1, 1)
    assert (rests.first, rests.last) == ("2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z")
    assert [each.number for each in rests.unread] == [2]


def test_shares_against_the_target(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(
        *[line(somebody(drawn=["woman"]))] * 90, *[line(somebody(drawn=["man"]))] * 10, line(somebody(drawn=["range"]))
    )
    women, men = found.drawn
    assert (women.value, women.estimate.share, women.target, women.deviates) == ("woman", 0.9, 0.5, True)
    assert (men.value, men.estimate.count, men.deviates) == ("man", 10.0, True)
    assert found.ranges == 1.0
    even = figures(*[line(somebody(drawn=["woman", "man"]), rewrites=["", ""])] * 50)
    assert not any(row.deviates for row in even.drawn)


def test_a_value_never_drawn_has_its_row_and_one_without_target_too(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(*[line(somebody(drawn=["nobody"]))] * 40)
    assert [(row.value, row.target, row.estimate.count) for row in found.drawn] == [
        ("woman", 0.5, 0.0),
        ("man", 0.5, 0.0),
        ("nobody", None, 40.0),
    ]


def test_refusals_by_group_rewritten_or_not(line: Make, somebody: Make, figures: Make) -> None:
    stated = somebody(because=("explicit", "terms/black"))
    found = figures(
        *[line(stated, refused=True)] * 2,
        *[line(stated)] * 8,
        *[line(stated, outcome="unchanged", rewrites=[])] * 5,
        *[line(somebody(drawn=["woman"]))] * 20,
        line(stated, upstream_status=0, refused=False),
        line(stated, is_log=False),
    )
    assert [row.group for row in found.refusals] == ["everybody", "no group stated", "terms/black"]
    black = found.refusals[2]
    assert (black.rewritten.count, black.rewritten.of, black.untouched.count, black.untouched.of) == (2.0, 10.0, 0.0, 5.0)
    assert found.refusals[1].untouched is None
    assert [(row.group, row.rewritten.of) for row in found.refusals_by_drawn] == [("woman", 20.0)]


def test_reasons_are_shares_of_all_persons(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(
        line(somebody(), somebody(), somebody(because=("period", "periods/a")), somebody(because=("role", "roles/a")))
    )
    (gender,) = found.reasons
    assert (gender.open.share, [(row.label, row.estimate.share) for row in gender.reasons]) == (
        0.5,
        [("period", 0.25), ("role", 0.25)],
    )
    assert [row.label for row in found.rules] == ["periods/a", "roles/a"]


def test_times_leave_out_what_was_not_decided(line: Make, figures: Make) -> None:
    found = figures(*[line(overhead_ms=2.0)] * 99, line(overhead_ms=500.0), line(outcome="bypass", overhead_ms=9_000.0))
    assert (round(found.overhead.p50, 1), found.overhead.slowest) == (2.0, 500.0)
    assert sum(count for _, _, count in found.overhead.bins) == 100
    assert (found.slowest[0].overhead_ms, len(found.bypasses)) == (500.0, 1)
    assert figures(line(outcome="opted_out")).overhead is None


def test_unknown_words_by_frequency(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(*[line(somebody("Zorgler"), unknown=["/subjects/0/head"])] * 3, line(somebody("doctor")))
    assert [(word.word, word.count) for word in found.unknown_words] == [("zorgler", 3.0)]
    assert (found.unknown.share, found.unknown_is_exact) == (0.75, True)
