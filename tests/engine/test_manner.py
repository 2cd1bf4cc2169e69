"""How a prompt is written, so that added words are written alike."""

import pytest

from evenhand.engine.manner import Manner

MANNERS = [
    ("a doctor", []),
    ("A DOCTOR AT WORK", ["is_capitals", "has_capital", "is_title"]),
    ("A Doctor Writing a Letter", ["is_title", "has_capital"]),
    ("a doctor, who stands at the window of a hall", ["is_lower"]),
    ("a Doctor, who stands at the window of a hall", ["has_capital"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "true"), MANNERS)
def test_manners(text: str, true: list[str]) -> None:
    manner = Manner(text)
    assert {name for name in ("is_capitals", "is_title", "has_capital", "is_lower") if getattr(manner, name)} == set(true)


def test_title_case_leaves_small_words_small_where_the_prompt_does() -> None:
    assert Manner("A Doctor in a Hall").titled("a woman of note") == "a Woman of Note"
    assert Manner("A Doctor In A Hall").titled("a woman of note") == "A Woman Of Note"


@pytest.mark.parametrize(
    ("text", "at", "words", "joined"),
    [
        ("a tired_nurse, x", 8, "South Asian ", "south_asian_"),
        ("A tired_nurse, x", 8, "South Asian ", "South_Asian_"),
        ("a nurse, blue_eyes", 2, "South Asian ", "South Asian "),
        ("tired_nurse", 11, ", a woman", ", a woman"),
        ("tired_nurse", 11, " x", "_x"),
    ],
)
def test_joints(text: str, at: int, words: str, joined: str) -> None:
    assert Manner(text).joined(at, words) == joined


@pytest.mark.parametrize(
    ("text", "at", "opens", "goes_on"),
    [
        ("Nurses wave", 0, True, False),
        ("nurses wave", 6, False, True),
        ("x. (Nurses", 4, True, False),
        ("a Nurse", 2, False, False),
    ],
)
def test_sentences(text: str, at: int, opens: bool, goes_on: bool) -> None:
    assert (Manner(text).opens_sentence(at), Manner(text).goes_on(at)) == (opens, goes_on)


@pytest.mark.parametrize(("noun", "count"), [("nurse", 2), ("o'neil", 1), ("nurs", 0), ("x", 0)])
def test_words_are_counted_whole(noun: str, count: int) -> None:
    manner = Manner("a Nurse and a nurse, two nurses, O'Neil, x_y")
    assert [manner.count(noun), manner.count(noun)] == [count, count]
