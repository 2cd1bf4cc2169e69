"""Figures by hand on a small file, the same figures as another scorer's where there is one, and the rules behind errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evenhand.casebook import head_of
from evenhand.engine import Engine
from evenhand.engine.record import record
from evenhand.flow import Analysis, Decision, Plan, Prompt, Span
from evenhand.gold import Gold, GoldPrompt, read_gold
from evenhand.rules import Ruleset
from evenhand.rules.ruleset import Place
from evenhand.scoring import Score, Tally, is_mangled, matched, score_of

ROOT = Path(__file__).parent.parent
PEER = ROOT.parent / "shared/eval/score.py"
GOLD = sorted((ROOT / "tests/gold").glob("*.jsonl"))
ROWS = [
    ("a doctor", [("doctor", "open", "open")]),
    ("my doctor", [("doctor", "open", "deictic")]),
    ("a nurse and an engineer", [("nurse", "period", "open"), ("engineer", "either", "open")]),
    ("two doctors", []),
    ("a lake", []),
    ("the doctor's car, a plumber", [("doctor", "open", "either"), ("plumber", "either", "either")]),
]


def golds() -> list[Gold]:
    rows = [
        {
            "id": f"r{number}",
            "prompt": prompt,
            "subjects": [
                {
                    "head": head,
                    "start": prompt.index(head),
                    "end": prompt.index(head) + len(head),
                    "gender": gender,
                    "ethnicity": other,
                }
                for head, gender, other in subjects
            ],
        }
        for number, (prompt, subjects) in enumerate(ROWS, start=1)
    ]
    return [
        Gold(row=GoldPrompt.model_validate_json(json.dumps(row)), place=Place("g", at)) for at, row in enumerate(rows, start=1)
    ]


@pytest.fixture(scope="module")
def score(small_rules: Ruleset) -> Score:
    return score_of("g", golds(), Engine(small_rules))


def test_figures_by_hand(score: Score) -> None:
    assert score.harm == pytest.approx(2 / 6)  # r3: the nurse's gender; r4: nobody was labelled
    assert score.idle == pytest.approx(2 / 6)  # r2: the doctor's gender; r6: the doctor's gender
    assert score.served == pytest.approx(2 / 4)  # r1 and r3 of r1, r2, r3, r6
    assert score.mangled == 0
    assert (score.open, score.closed) == (Tally(axes=6, varied=4), Tally(axes=2, varied=1))
    assert score.by_label[""] == Tally(axes=2, varied=2)
    assert score.by_label["deictic"] == Tally(axes=1, varied=0)


def test_harm_comes_first_and_names_the_rule_behind_it(score: Score, small_rules: Ruleset) -> None:
    assert [judged.gold.row.id for judged in score.errors] == ["r3", "r4", "r2", "r6"]
    (harm,) = score.errors[0].harms
    assert str(harm) == "'nurse' gender was varied, and it is period"
    assert harm.because == (f"'nurse' is a person by roles/workers ({small_rules.places['roles/workers']})",)
    assert str(score.errors[1].harms[0]) == "'doctors' ethnicity was varied, and it is no subject"


def test_idle_names_the_closing_rule_or_the_note(score: Score, small_rules: Ruleset) -> None:
    closed, missed = (judged.idles[0] for judged in score.errors[2:])
    place = small_rules.places["words/deictics"]
    assert closed.because == (f"'doctor' gender is closed: deictic 'my' by words/deictics ({place})",)
    assert missed.because[0] == "no subject was found here"
    assert missed.because[1].startswith("'doctor' is noted as owner by ")


def test_a_file_with_nothing_open_is_not_idle(small_rules: Ruleset) -> None:
    nothing = score_of("g", golds()[3:5], Engine(small_rules))
    assert (nothing.idle, nothing.served, nothing.harm) == (0, 0, 0.5)


def test_heads_are_matched_first_then_spans(small_rules: Ruleset) -> None:
    decision = Engine(small_rules).decide(Prompt(text="a nurse and a doctor"))
    subjects = decision.plan.analysis.subjects
    found = matched([Span(0, 1), Span(14, 20), Span(30, 31)], subjects)
    assert {index: head_of(decision, subject) for index, subject in found.items()} == {0: "nurse", 1: "doctor"}


MANGLED = [
    ("a nurse", "a Korean nurse", False, False),
    ("a nurse (smile:1.2)", "a nurse, male, (smile:1.2)", False, False),
    ("a nurse and a cook", "a cook and a nurse", False, True),
    ("a person", "a woman", False, True),
    ("a person", "a woman", True, False),
]


@pytest.mark.parametrize(("prompt", "text", "replaced", "wanted"), MANGLED)
def test_mangled(prompt: str, text: str, replaced: bool, wanted: bool) -> None:
    analysis = Analysis(prompt=Prompt(text=prompt), subjects=(), notes=())
    plan = Plan(analysis=analysis, rulings=())
    assert is_mangled(Decision(id="", revision="", outcome="rewritten", plan=plan, texts=(text,), replaced=replaced)) is wanted


@pytest.mark.skipif(not PEER.is_file(), reason="no other scorer lies beside the checkout")
@pytest.mark.parametrize("path", GOLD, ids=lambda path: path.name)
def test_another_scorer_finds_the_same(path: Path, engine: Engine, tmp_path: Path) -> None:
    rows = read_gold(path)
    ours = score_of(str(path), rows, engine)
    decisions = [json.dumps(record(each.decision, engine.rules, ref=each.gold.row.id)) for each in ours.judged]
    (tmp_path / "decisions.jsonl").write_text("\n".join(decisions), encoding="utf-8")
    command = [sys.executable, str(PEER), str(path), str(tmp_path / "decisions.jsonl"), "--json"]
    theirs = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert (ours.harm, ours.served, ours.mangled) == pytest.approx((theirs["harm"], theirs["served"], theirs["mangled"]))
    assert (ours.open, ours.closed.axes) == (Tally(axes=theirs["open_axes"], varied=theirs["filled"]), theirs["closed_axes"])
    assert ours.closed.varied == theirs["violated"]
    assert not ours.open.axes or ours.idle == pytest.approx(theirs["idle"])


def test_our_own_small_file_has_no_error(engine: Engine) -> None:
    score = score_of("small", read_gold(ROOT / "tests/gold/small.jsonl"), engine)
    assert (score.harm, score.idle, score.mangled, score.open, score.closed.axes) == (0, 0, 0, Tally(axes=18, varied=18), 20)
