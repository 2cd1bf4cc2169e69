"""Phrases and patterns find the same after they were stored and read back, and always in linear time."""

import pickle

import pytest

from evenhand.rules.patterns import Patterns, Phrases
from evenhand.rules.ruleset import Entry

NURSE = Entry(rule="roles/nurse", kind="roles", number="one")
BATTLE = Entry(rule="periods/battle", kind="periods")


def phrases() -> Phrases:
    return Phrases([(" nurse ", (7, (NURSE,))), (" night nurse ", (13, (NURSE, BATTLE)))])


def patterns() -> Patterns:
    return Patterns([(r"(?i)\b(?:battle of \w+)\b", BATTLE), (r"\b(?:Nurse [A-Z]\w+)\b", NURSE)])


@pytest.mark.parametrize("kept", [phrases(), pickle.loads(pickle.dumps(phrases()))])
def test_every_phrase_is_found_where_it_ends(kept: Phrases) -> None:
    assert list(kept.iter(" a night nurse ")) == [(14, (13, (NURSE, BATTLE))), (14, (7, (NURSE,)))]
    assert len(kept) == 2


@pytest.mark.parametrize("kept", [patterns(), pickle.loads(pickle.dumps(patterns()))])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the BATTLE of Ulm", [("BATTLE of Ulm", "periods/battle")]),
        ("Nurse Joy, nurse joy", [("Nurse Joy", "roles/nurse")]),
        ("battle of wits and Battle of Ulm", [("battle of wits", "periods/battle"), ("Battle of Ulm", "periods/battle")]),
        ("nobody", []),
        ("", []),
    ],
)
def test_patterns(kept: Patterns, text: str, found: list[tuple[str, str]]) -> None:
    assert [(text[span.start : span.end], entry.rule) for span, entry in kept.find(text)] == found


def test_no_pattern_finds_nothing() -> None:
    assert list(Patterns([]).find("battle of ulm")) == []


def test_a_pattern_that_would_backtrack_ends_on_a_long_text() -> None:
    assert list(Patterns([(r"(?:a+)+$", BATTLE)]).find("a" * 50_000 + "!")) == []
