"""Cases from rules and files; what is wanted against what a decision did, with the rules behind it."""

import shutil
from pathlib import Path

import pytest

from evenhand.casebook import Case, Result, coverage_of, faults_of, file_cases, heading_rules, rule_cases, rules_met, run_cases
from evenhand.engine import Engine
from evenhand.errors import RuleError
from evenhand.flow import Analysis, Axis, Decision, Draw, Edit, Finding, Note, Plan, Prompt, Ruling, Span, Subject
from evenhand.rules.compile import compile_rules
from evenhand.rules.load import LoadedRules, load_folder, shipped_rules
from evenhand.rules.ruleset import Place, Ruleset
from evenhand.rules.schema import Example

TEXT = "a Black teacher and a flight attendant, black and white photo"
PLACES = {"terms/black": Place("rules/en/terms.yaml", 4, 5), "collocations/photo": Place("rules/en/c.yaml", 9, 5)}
BLACK = Finding(span=Span(2, 7), reason="explicit", rule="terms/black", axes=frozenset({"ethnicity"}))


def subject(start: int, head: str, *findings: Finding) -> Subject:
    at = TEXT.index(head)
    return Subject(span=Span(start, at + len(head)), head=Span(at, at + len(head)), count="one", number=1, findings=findings)


TEACHER, ATTENDANT = subject(0, "teacher", BLACK), subject(20, "flight attendant")
AXES: tuple[Axis, ...] = ("gender", "ethnicity")


def decision(*varied: tuple[Subject, Axis]) -> Decision:
    rulings = tuple(
        Ruling(subject=who, axis=axis, closed_by=tuple(found for found in who.findings if axis in found.axes))
        for who in (TEACHER, ATTENDANT)
        for axis in AXES
    )
    note = Note(span=Span(40, 55), kind="collocation", rule="collocations/photo")
    analysis = Analysis(prompt=Prompt(text=TEXT), subjects=(TEACHER, ATTENDANT), notes=(note,))
    draws = tuple(Draw(ruling=ruling, values=("x",)) for ruling in rulings if (ruling.subject, ruling.axis) in varied)
    return Decision(
        id="",
        revision="r",
        outcome="rewritten" if draws else "unchanged",
        plan=Plan(analysis=analysis, rulings=rulings),
        draws=(draws,) if draws else (),
        edits=((Edit(Span(0, 0), "x"),),) if draws else (),
        texts=("rewritten",) if draws else (),
    )


DONE = ((TEACHER, "gender"), (ATTENDANT, "gender"), (ATTENDANT, "ethnicity"))
GOOD = [
    {"vary": ["gender", "ethnicity"]},
    {"leave": ["age"]},
    {"subjects": {"teacher": ["gender"], "flight attendant": ["gender", "ethnicity"]}},
    {"subjects": {"Attendant": ["ethnicity", "gender"]}},
    {"leave": [], "because": ["terms/black", "collocations/photo"]},
    {"becomes": "rewritten", "seed": 1},
]


@pytest.mark.parametrize("wanted", GOOD)
def test_as_wanted(wanted: dict[str, object]) -> None:
    assert list(faults_of(Example.model_validate({"say": TEXT, **wanted}), decision(*DONE), PLACES)) == []


CLOSED = "'teacher' ethnicity is closed: explicit 'Black' by terms/black (rules/en/terms.yaml:4)"
OTHERS = "'flight attendant' gender is varied; 'flight attendant' ethnicity is varied"
BAD = [
    ({"vary": ["gender"]}, f"wanted vary gender, got ethnicity, gender; {CLOSED}; 'flight attendant' ethnicity is varied"),
    (
        {"leave": "all"},
        f"wanted nothing varied, got ethnicity, gender varied; 'teacher' gender is varied; {CLOSED}; {OTHERS}",
    ),
    ({"leave": ["ethnicity"]}, f"wanted ethnicity left, got ethnicity varied; {CLOSED}; 'flight attendant' ethnicity is varied"),
    ({"subjects": {"teacher": ["gender", "ethnicity"]}}, f"wanted 'teacher': ethnicity, gender, got gender; {CLOSED}"),
    ({"subjects": {"boy": ["gender"]}}, "wanted 'boy': gender, got no such subject; found: teacher, flight attendant"),
    (
        {"leave": [], "because": ["terms/white"]},
        "wanted because of terms/white, got collocations/photo (rules/en/c.yaml:9), terms/black (rules/en/terms.yaml:4)",
    ),
    ({"becomes": "other", "seed": 1}, "wanted the rewrite 'other', got 'rewritten'"),
]


@pytest.mark.parametrize(("wanted", "told"), BAD)
def test_not_as_wanted(wanted: dict[str, object], told: str) -> None:
    faults = list(faults_of(Example.model_validate({"say": TEXT, **wanted}), decision(*DONE), PLACES))
    assert [str(fault) for fault in faults] == [told]


def test_a_missing_subject_counts_as_no_axes() -> None:
    example = Example(say=TEXT, subjects={"boy": []})
    assert list(faults_of(example, decision(*DONE), PLACES)) == []


def test_open_but_not_varied_is_told() -> None:
    example = Example(say=TEXT, subjects={"attendant": ["gender"]})
    fault = next(faults_of(example, decision(), PLACES))
    assert str(fault) == "wanted 'attendant': gender, got nothing; 'flight attendant' gender is open but was not varied"


def test_rules_met() -> None:
    assert rules_met(decision()) == {"terms/black", "collocations/photo"}


def test_a_result_passes_without_faults() -> None:
    case = Case(example=Example(say=TEXT, vary=[]), topic="t", place=Place("f", 1, 1))
    assert Result(case=case, decision=decision(), faults=()).passed


def test_case_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.yaml").write_text("topic: work\ncases:\n  - say: a doctor\n    vary: [gender]\n  - {say: x, leave: all}\n")
    (tmp_path / "sub/b.yaml").write_text("cases: [{say: y, vary: []}]\n")
    cases = file_cases([tmp_path])
    shown = [(case.topic, case.example.say, case.place.line) for case in cases]
    assert shown == [("work", "a doctor", 3), ("work", "x", 5), ("", "y", 1)]
    assert file_cases([tmp_path / "sub/b.yaml"]) == cases[2:]


def test_all_problems_of_case_files_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("cases:\n  - {say: x, vry: all, vary: []}\n  - {say: 3, vary: []}\n")
    with pytest.raises(RuleError) as caught:
        file_cases([tmp_path, tmp_path / "nowhere.yaml"])
    assert [problem.message for problem in caught.value.problems][:2] == ["unknown key 'vry'", "3 is no text in 'say'"]
    assert "can't be read" in caught.value.problems[2].message


@pytest.fixture(scope="module")
def loaded() -> LoadedRules:
    return load_folder(shipped_rules())


def test_rule_cases_are_in_file_order(loaded: LoadedRules) -> None:
    places = [case.place for case in rule_cases(loaded)]
    assert places == sorted(places)
    assert len(places) == len(set(places))


def test_examples_run_on_the_engine(loaded: LoadedRules) -> None:
    rules = compile_rules(loaded)
    example = Example(say="no people here", leave="all")
    case = Case(example=example, topic="t", place=Place("f", 1, 1))
    results = list(run_cases([case], Engine(rules), rules))
    assert [result.passed for result in results] == [True]


COVERED = """\
kind: terms
rules:
  - {id: met, match: [zorbish], closes: [ethnicity], why: Stated., examples: [{say: a zorbish doctor, vary: [gender]}]}
  - {id: unmet, match: [quendi], closes: [ethnicity], why: Stated., examples: [{say: a doctor, vary: [gender, ethnicity]}]}
---
kind: collocations
rules:
  - {id: noted, match: [doctor's orders], why: No doctor., examples: [{say: "doctor's orders on a wall", vary: []}]}
---
kind: styles
rules:
  - {id: silent, match: [zorbism], as: medium, why: A style., examples: [{say: zorbism, vary: []}]}
"""


def test_coverage_counts_what_closes_notes_or_heads(small_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(small_folder, tmp_path / "rules")
    (tmp_path / "rules/en/more.yaml").write_text(COVERED)
    loaded = load_folder(tmp_path / "rules")
    rules = compile_rules(loaded)
    cases = [case for case in rule_cases(loaded) if not case.topic.startswith(("words/", "wording/"))]
    coverage = coverage_of(loaded, run_cases(cases, Engine(rules), rules), rules)
    assert (coverage.rules, coverage.share) == (4, 0.75)
    assert {name: place.line for name, place in coverage.untested.items()} == {"terms/unmet": 4}
    assert coverage_of(loaded, [], rules).share == 0


HEADS = [("nurse", True), ("Nurses", True), ("nurse's", False), ("lake", False), ("head nurse", False)]


@pytest.mark.parametrize(("head", "known"), HEADS)
def test_heading_rules(small_rules: Ruleset, head: str, known: bool) -> None:
    assert heading_rules(head, small_rules) == (("roles/workers",) if known else ())
