"""Kin by blood have one ethnicity: what is stated of one holds for the other, what is open is drawn once for both."""

from collections.abc import Callable

import pytest

from evenhand.engine import Engine
from evenhand.flow import Prompt

E, G = "ethnicity", "gender"
OPEN = [
    ("a mother and her children", {"mother": [E], "children": [G, E]}),
    ("a Korean mother and her children", {"mother": [], "children": [G]}),
    ("a mother and her Korean children", {"mother": [], "children": [G]}),
    ("a Black woman and her sister", {"woman": [], "sister": []}),
    ("a Korean man and his wife", {"man": [], "wife": [E]}),
    ("a Korean doctor and her patient", {"doctor": [], "patient": [G, E]}),
    ("a Korean nurse and the children", {"nurse": [G], "children": [G, E]}),
    ("a blonde mother and her children", {"mother": [], "children": [G, E]}),
    ("Elon Musk and his mother", {"Elon Musk": [], "mother": [E]}),
]


@pytest.mark.parametrize(("text", "wanted"), OPEN)
def test_what_is_open(open_axes: Callable[[str], dict[str, list[str]]], text: str, wanted: dict[str, list[str]]) -> None:
    assert open_axes(text) == {head: [axis for axis in (G, E) if axis in axes] for head, axes in wanted.items()}


ONE_DRAW = [
    ("a mother and her children", True),
    ("a woman and her sister", True),
    ("a man and his wife", False),
    ("a nurse and a chef", False),
]


@pytest.mark.parametrize(("text", "is_one"), ONE_DRAW)
def test_open_kin_are_drawn_once(small_engine: Engine, text: str, is_one: bool) -> None:
    drawn = []
    for seed in range(40):
        draws = small_engine.decide(Prompt(text=text, seed=seed)).draws[0]
        drawn.append({draw.values for draw in draws if draw.ruling.axis == E})
    assert all(len(values) == 1 for values in drawn) is is_one
