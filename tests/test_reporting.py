"""Lines for people and plain data for machines, of scores, parity, coverage and cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from evenhand.casebook import Case, Coverage, Fault, Result
from evenhand.engine import Engine
from evenhand.flow import Axis, Prompt, Span
from evenhand.gold import read_gold
from evenhand.parity import Known, Odd, Parity, Shape, Term, Trial
from evenhand.reporting import (
    coverage_data,
    coverage_lines,
    exceeded,
    parity_data,
    parity_lines,
    results_data,
    score_data,
    score_lines,
)
from evenhand.rules import Ruleset
from evenhand.rules.ruleset import Place
from evenhand.rules.schema import Example
from evenhand.scoring import Score, score_of

HEAD = {"head": "doctor", "start": 3, "end": 9}
GOLD = [
    {"id": "g1", "prompt": "my doctor", "subjects": [{**HEAD, "gender": "open", "ethnicity": "deictic"}]},
    {"id": "g2", "prompt": "a \u00a0doctor", "subjects": [{**HEAD, "gender": "period", "ethnicity": "open"}]},
    {"id": "g3", "prompt": "a lake", "subjects": []},
]


@pytest.fixture(scope="module")
def score(small_rules: Ruleset, tmp_path_factory: pytest.TempPathFactory) -> Score:
    path = tmp_path_factory.mktemp("gold") / "g.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in GOLD))
    return score_of("g.jsonl", read_gold(path), Engine(small_rules))


def test_score_lines(score: Score) -> None:
    lines = list(score_lines(score, show=1))
    assert lines[:3] == [
        "g.jsonl: 3 prompts  harm 33.33%  idle 50.00%  served 50.00%  mangled 0",
        "  closed axes 2, varied 1 (period 1)",
        "  open axes 2, varied 1",
    ]
    assert "  HARM 'doctor' gender was varied, and it is period" in lines
    assert any(line.startswith("       'doctor' is a person by roles/workers (") for line in lines)
    assert lines[-1] == "  1 more prompts with errors; --show 2 prints all"


def test_score_data_is_plain(score: Score) -> None:
    data = json.loads(json.dumps(score_data(score, show=5)))
    assert (data["prompts"], data["violated"], data["filled"], data["mangled"]) == (3, 1, 1, 0)
    assert data["by_reason"] == {"deictic": {"axes": 1, "varied": 0}, "period": {"axes": 1, "varied": 1}}
    assert [error["id"] for error in data["errors"]] == ["g2", "g1"]
    assert data["errors"][1]["axes"][0].items() >= {"error": "idle", "head": "doctor", "axis": "gender", "label": "open"}.items()


LIMITS: list[tuple[dict[str, Any], int]] = [
    ({"max_harm": None, "max_idle": None}, 0),
    ({"max_harm": 33.4, "max_idle": 50}, 0),
    ({"max_harm": 33, "max_idle": None}, 1),
    ({"max_harm": 0, "max_idle": 0}, 2),
]


@pytest.mark.parametrize(("limits", "count"), LIMITS)
def test_exceeded(score: Score, limits: dict[str, Any], count: int) -> None:
    assert len(exceeded(score, **limits)) == count


def test_exceeded_says_by_how_much(score: Score) -> None:
    assert exceeded(score, max_harm=1.5, max_idle=None) == ["g.jsonl: harm 33.33% is above the limit of 1.5 %"]


def parity(small_rules: Ruleset, known: str | None, odds: int) -> Parity:
    axes: tuple[Axis, ...] = ("ethnicity",)
    term = Term(
        text="ottish", rule="cultures/people", form="adjective", axes=frozenset(axes), is_exact=False, place=Place("c.csv", 3)
    )
    decision = Engine(small_rules).decide(Prompt(text="an ottish doctor"))
    usual: Shape = (("doctor", axes),)
    trial = Trial(term=term, carrier="{a} {term} doctor", decision=decision, shape=(("doctor", ()),))
    odd = Odd(trial=trial, usual=usual, because=("it is so",), known=known)
    return Parity(terms=1234, prompts=5, odds=(odd,) * odds, stale=(Known(terms=("x", "y"), why="A reason."),))


def test_parity_lines(small_rules: Ruleset) -> None:
    assert list(parity_lines(parity(small_rules, None, 2), show=1)) == [
        "c.csv:3  'ottish' (cultures/people) is treated unlike its fellows in 2 carriers",
        "  an ottish doctor",
        "    usual: doctor: ethnicity closed",
        "    here:  doctor: open",
        "      it is so",
        "  1 more",
        "no longer an exception: x, y (A reason.)",
        "1,234 terms, 5 prompts: 2 exceptions in 1 term, 0 known",
    ]


def test_parity_data_keeps_the_known_apart(small_rules: Ruleset) -> None:
    data = json.loads(json.dumps(parity_data(parity(small_rules, "It is right.", 1))))
    assert (data["exceptions"], data["terms"], data["stale"][0]["terms"]) == ([], 1234, ["x", "y"])
    assert (
        data["known"][0].items() >= {"term": "ottish", "place": "c.csv:3", "why": "It is right.", "here": "doctor: open"}.items()
    )


COVERAGE = Coverage(rules=8, untested={"cues/tall": Place("a.yaml", 4)})


def test_coverage() -> None:
    assert list(coverage_lines(COVERAGE)) == [
        "UNTESTED a.yaml:4  cues/tall decides no case",
        "7 of 8 rules decide a case (87.5%); 1 decide none",
    ]
    assert coverage_data(COVERAGE) == {"rules": 8, "share": 0.875, "untested": [{"rule": "cues/tall", "place": "a.yaml:4"}]}


def test_results_data(small_rules: Ruleset, tmp_path: Path) -> None:
    decision = Engine(small_rules).decide(Prompt(text="a doctor"))
    case = Case(example=Example(say="a doctor", vary=[]), topic="roles/workers", place=Place("r.yaml", 8))
    results = [Result(case=case, decision=decision, faults=faults) for faults in ((), (Fault(wanted="a", got="b"),))]
    data = results_data(results)
    assert (data["passed"], data["failed"]) == (1, 1)
    wanted = {"place": "r.yaml:8", "topic": "roles/workers", "say": "a doctor", "passed": False, "faults": ["wanted a, got b"]}
    assert data["cases"][1] == wanted
    assert decision.plan.analysis.subjects[0].head == Span(2, 8)
