"""Errors read as sentences and carry what callers need."""

import pytest

from evenhand.errors import BodyError, EvenhandError, Problem, RuleError, SettingsError, UpstreamError

SHOWN = [
    (Problem("a.yaml", 3, 5, "unknown key 'x'"), "a.yaml:3:5: unknown key 'x'"),
    (Problem("a.yaml", 3, 5, "odd", "    abc", 3), "a.yaml:3:5: odd\n    3 |     abc\n            ^^^"),
    (Problem("a.yaml", 12, 1, "odd", "abc", 0, "fix it"), "a.yaml:12:1: odd\n   12 | abc\n        ^\n      = fix it"),
]


@pytest.mark.parametrize(("problem", "shown"), SHOWN)
def test_problem_is_shown_with_its_line(problem: Problem, shown: str) -> None:
    assert str(problem) == shown


def test_rule_error_sorts_by_file_line_and_column() -> None:
    late, early, other = Problem("b.yaml", 9, 1, "x"), Problem("b.yaml", 2, 7, "x"), Problem("a.yaml", 30, 1, "x")
    error = RuleError([late, early, other])
    assert error.problems == [other, early, late]
    assert str(error).splitlines() == ["a.yaml:30:1: x", "b.yaml:2:7: x", "b.yaml:9:1: x"]


@pytest.mark.parametrize(
    "error",
    [
        RuleError([Problem("a", 1, 1, "x")]),
        SettingsError("x"),
        BodyError("x", status=413, pointer="/prompt"),
        UpstreamError("x", status=502, sent=False),
    ],
)
def test_one_root(error: Exception) -> None:
    assert isinstance(error, EvenhandError)


def test_what_callers_read() -> None:
    body, upstream = BodyError("x", pointer="/n"), UpstreamError("y", status=504, sent=True)
    assert (body.status, body.pointer, str(body)) == (400, "/n", "x")
    assert (upstream.status, upstream.sent, str(upstream)) == (504, True, "y")
