"""Text for a terminal: every subject and axis, notes, diffs, and the lines of a case."""

import pytest

from evenhand.casebook import Case, Fault, Result
from evenhand.engine import Engine
from evenhand.flow import Edit, Prompt, Span
from evenhand.rules.ruleset import Place, Ruleset
from evenhand.rules.schema import Example
from evenhand.showing import diff, explained, result_lines

DIFFS = [
    ("a nurse", [Edit(Span(2, 2), "male ")], "a {+male+} nurse"),
    ("a person", [Edit(Span(2, 8), "woman")], "a [-person-]{+woman+}"),
    ("a engineer", [Edit(Span(2, 2), "x "), Edit(Span(0, 1), "an")], "[-a-]{+an+} {+x+} engineer"),
    ("a nurse", [], "a nurse"),
]


@pytest.mark.parametrize(("prompt", "edits", "wanted"), DIFFS)
def test_diff(prompt: str, edits: list[Edit], wanted: str) -> None:
    assert diff(prompt, edits).plain == wanted


def shown(text: str, rules: Ruleset, images: int = 1) -> str:
    decision = Engine(rules).decide(Prompt(text=text, images=images, seed=7))
    return "\n".join(line.plain for line in explained(decision, rules))


def test_open_axes_show_what_was_drawn(small_rules: Ruleset) -> None:
    text = shown("two doctors", small_rules, images=2)
    assert "two doctors  2 people" in text
    assert text.count("open  drawn: ") == 2
    assert text.count("\n+ ") == 2


def test_closed_axes_show_words_rule_and_place(small_rules: Ruleset) -> None:
    text = shown("my doctor", small_rules)
    assert text.count("closed") == 2
    assert "deictic" in text
    assert "en/words.yaml:" in text
    assert "Rewritten" not in text


def test_no_subject_is_said(small_rules: Ruleset) -> None:
    assert "No person to be drawn was found" in shown("a mountain lake", small_rules)


NOTES = [
    ("a lake, no doctors", '"doctors"  is wanted absent  words/negations'),
    ('a sign that says "doctor"', '  "doctor"  is text to be drawn  syntax/quoted'),
    ("the doctor's car", '"doctor"  only owns what is drawn'),
]


@pytest.mark.parametrize(("text", "wanted"), NOTES)
def test_what_was_left_alone_is_said(small_rules: Ruleset, text: str, wanted: str) -> None:
    assert wanted in shown(text, small_rules)


def result(*faults: Fault, small_rules: Ruleset) -> Result:
    decision = Engine(small_rules).decide(Prompt(text="a doctor"))
    case = Case(example=Example(say="a doctor", vary=[]), topic="roles/workers", place=Place("r.yaml", 8, 9))
    return Result(case=case, decision=decision, faults=faults)


def test_lines_of_a_failing_case(small_rules: Ruleset) -> None:
    lines = [
        line.plain
        for line in result_lines(result(Fault(wanted="a", got="b", because=("c",)), small_rules=small_rules), verbose=False)
    ]
    assert lines[0] == "FAIL r.yaml:8  roles/workers: a doctor"
    assert [line.strip() for line in lines[1:3]] == ["wanted a, got b", "c"]


@pytest.mark.parametrize(("verbose", "lines"), [(True, ["PASS r.yaml:8  roles/workers: a doctor"]), (False, [])])
def test_passing_cases_are_shown_on_request(small_rules: Ruleset, verbose: bool, lines: list[str]) -> None:
    assert [line.plain for line in result_lines(result(small_rules=small_rules), verbose=verbose)] == lines
