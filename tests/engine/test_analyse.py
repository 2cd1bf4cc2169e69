"""Subjects as the whole analysis tells them: count, number, shared draws, notes, language."""

from collections.abc import Callable

import pytest

from evenhand.flow import Analysis, Axis

Analysed = Callable[[str], Analysis]
COUNTS = [
    ("a doctor", "one", 1, False),
    ("two doctors", "few", 2, False),
    ("12 doctors", "few", 12, False),
    ("40 doctors", "many", 40, False),
    ("doctors", "many", None, False),
    ("a crowd", "many", None, True),
    ("a team of doctors", "many", None, False),
    ("a team of three doctors", "few", 3, False),
]


@pytest.mark.parametrize(("text", "count", "number", "is_collective"), COUNTS)
def test_how_many(analysed: Analysed, text: str, count: str, number: int | None, is_collective: bool) -> None:
    (subject,) = analysed(text).subjects
    assert (subject.count, subject.number, subject.is_collective) == (count, number, is_collective)


SHARES: list[tuple[str, set[Axis]]] = [("a family", {"ethnicity"}), ("a doctor", set()), ("two doctors", set())]


@pytest.mark.parametrize(("text", "shares"), SHARES)
def test_a_family_shares_one_draw(analysed: Analysed, text: str, shares: set[Axis]) -> None:
    (subject,) = analysed(text).subjects
    assert subject.shares == shares


HEADS = [
    ("a doctor", ["doctor"]),
    ("a doctor and a nurse", ["doctor", "nurse"]),
    ("a crowd of students", ["students"]),
    ("two people, a Ukrainian girl and a Nepalese monk", ["girl", "monk"]),
    ("Serena Williams as a nurse", ["Serena Williams"]),
    ("a girl, park, smile, asian, japanese", ["girl"]),
    ("a quiet road at dawn", []),
    ("a pirate ship at war", []),
    ("portrait, 8k, bokeh", []),
    ("she smiles at you", []),
    ("a cat dressed as a doctor", []),
    ("white wine on Black Friday", []),
    ("an Asian elephant", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "heads"), HEADS)
def test_heads(analysed: Analysed, text: str, heads: list[str]) -> None:
    assert [text[subject.head.start : subject.head.end] for subject in analysed(text).subjects] == heads


NOTED = [
    ("a cat dressed as a doctor", "body", "doctor"),
    ("a robot chef", "body", "chef"),
    ("no people", "negation", "people"),
    ("the doctor's bag", "owner", "doctor"),
    ("legs of a dancer", "part", "dancer"),
    ("white wine", "collocation", "white wine"),
    ("a road, art by Greg Rutkowski", "source", "Greg Rutkowski"),
    ("ein Arzt und eine Schwester", "language", "ein Arzt und eine Schwester"),
    ("an Asian elephant", "body", "Asian elephant"),
    ("a German shepherd", "body", "German shepherd"),
]


@pytest.mark.parametrize(("text", "kind", "words"), NOTED)
def test_what_looked_like_somebody_and_was_not_is_noted(analysed: Analysed, text: str, kind: str, words: str) -> None:
    assert [(note.kind, text[note.span.start : note.span.end]) for note in analysed(text).notes] == [(kind, words)]


def test_findings_are_sorted_by_place_and_told_once(analysed: Analysed) -> None:
    (subject,) = analysed("a Black bearded doctor in Lagos in 1943, Lagos, black").subjects
    keys = [(finding.span, finding.rule) for finding in subject.findings]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("text", "language"), [("a doctor", "en"), ("un m\u00e9decin dans une salle", "und"), ("\u533b\u8005", "und")]
)
def test_other_languages_have_no_subjects(analysed: Analysed, text: str, language: str) -> None:
    analysis = analysed(text)
    assert analysis.language == language
    assert bool(analysis.subjects) is (language == "en")
