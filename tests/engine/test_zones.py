"""Where the words speak of a source or a style."""

from collections.abc import Callable

import pytest

from evenhand.engine.reading import Reading
from evenhand.engine.zones import style_zones

ZONES = [
    ("a nurse", ""),
    ("a nurse by Greg Rutkowski", "greg rutkowski"),
    ("a nurse, art by Greg Rutkowski and Alphonse Mucha", "greg rutkowski and alphonse mucha"),
    ("a nurse, art by Greg Rutkowski and a doctor", "greg rutkowski"),
    ("a nurse in the style of Rembrandt, at work", "rembrandt"),
    ("a nurse in the style of Rembrandt at work", "rembrandt"),
    ("a doctor, in 1950s comic style", "1950s"),
    ("a doctor, 1950s style", "1950s"),
    ("renaissance-style portrait of an engineer", "renaissance"),
    ("a nurse at a victorian-themed party", "victorian"),
    ("a doctor style", ""),
    ("a man chased by a soldier", ""),
    ("a book owned by doctors", ""),
    ("a nurse by the window", ""),
]


@pytest.mark.parametrize(("text", "zone"), ZONES)
def test_zones(read_text: Callable[[str], Reading], text: str, zone: str) -> None:
    reading = read_text(text)
    told = [index for index in sorted(style_zones(reading)) if not reading.tokens.is_mark(index)]
    assert " ".join(reading.tokens.words[index] for index in told) == zone
