"""Phrases and patterns find the same after they were stored and read back, and always in linear time."""

import pickle
import random

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


def test_phrases_are_found_as_by_looking_for_each_everywhere() -> None:
    dice = random.Random(5)

    def line(longest: int) -> str:
        return f" {' '.join(dice.choice(('a', 'b', 'ab', '|', '')) for _ in range(dice.randint(1, longest)))} "

    for _ in range(300):
        kept = {phrase: (len(phrase), (NURSE,)) for phrase in (line(4) for _ in range(20)) if phrase.strip()}
        text = line(12)
        wanted = [
            (end - 1, kept[text[start:end]]) for end in range(1, len(text) + 1) for start in range(end) if text[start:end] in kept
        ]
        assert list(Phrases(list(kept.items())).iter(text)) == wanted, text


@pytest.mark.parametrize("line", ["", " ", "  ", " a", "a ", "a", " day nurse| "])
def test_a_line_without_phrases(line: str) -> None:
    assert list(phrases().iter(line)) == []


def test_equal_meanings_are_kept_once() -> None:
    kept = pickle.loads(pickle.dumps(Phrases([(f" {word} ", (6, (NURSE,))) for word in ("aaaa", "bbbb")])))
    meanings = [meaning for line in (" aaaa ", " bbbb ") for _, meaning in kept.iter(line)]
    assert meanings[0] is meanings[1]


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
