"""Rows: their families stay in their segments, shapes and letter runs are what they say, places count what stands around."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from evenhand.model.features import FAMILIES, ROWS, family_of, grams, place_rows, shape, word_rows
from evenhand.model.lexicon import shipped
from evenhand.text import tokenize


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Anna", "Xxx+"),
        ("nurse", "xx+"),
        ("1girl", "dxx+"),
        ("O'Neil", "X'Xxx+"),
        ("NASA", "XX+"),
        ("8k", "dx"),
        ("a", "x"),
        (",", ","),
    ],
)
def test_shape(word: str, expected: str) -> None:
    assert shape(word) == expected


@pytest.mark.parametrize(("norm", "expected"), [("a", ["<a>"]), ("nurse", ["<nu", "<nur", "nurs", "rse>", "se>", "urse"])])
def test_grams(norm: str, expected: list[str]) -> None:
    assert grams(norm) == expected


def test_a_misspelling_shares_letter_runs() -> None:
    assert len(set(grams("photographer")) & set(grams("fotographer"))) >= 7


def test_families_of_a_known_first_name() -> None:
    rows = word_rows("Anna", shipped())
    assert [family_of(row) for row in rows[:3]] == ["norm", "", "gram"]
    assert {family_of(row) for row in rows[2:]} == {"gram", "lexicon", "names"}


@given(some.text(max_size=60))
def test_any_text_has_rows_within_the_table(text: str) -> None:
    words = [text[span.start : span.end] for span in tokenize(text)]
    places = place_rows(words)
    assert len(places) == len(words)
    for word, rows in zip(words, places, strict=True):
        told = word_rows(word, shipped())
        assert {family_of(row) for row in told} <= {"", *FAMILIES}
        assert all(0 <= row < ROWS for row in [*rows, *told])
        assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [
        ("a nurse", "no nurse", 1),  # negation just before
        ("art nurse", "by nurse", 1),  # a credit just before
        ('a " nurse "', "a , nurse ,", 2),  # quoted
        ("a ( nurse )", "a : nurse ;", 2),  # bracketed
        ("a nurse", "A NURSE", 1),  # case of the whole prompt
    ],
)
def test_what_stands_around_counts(one: str, other: str, at: int) -> None:
    assert place_rows(one.split())[at] != place_rows(other.split())[at]


def test_a_full_stop_ends_what_came_before() -> None:
    assert place_rows(["no", "dog", ".", "nurse"])[3][-2] == place_rows(["a", "dog", ".", "nurse"])[3][-2]
