"""Each picture is well-formed, the same every time, coloured by the page, and says in words what it shows."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from evenhand.report.pictures import percent, pictures_of

Make = Callable[..., Any]


@pytest.fixture
def everything(line: Make, somebody: Make, figures: Make) -> Any:
    odd = somebody('<b>$x^2$ & "\x00\u202e\u533b\u8005\ud800</b>' * 3)
    stated = somebody(because=("explicit", "terms/black"))
    return figures(
        line(odd, stated, unknown=["/subjects/0/head"]),
        *[line(somebody(drawn=["woman"]), overhead_ms=n / 3 + 0.1, number=n) for n in range(30)],
        line(stated, outcome="bypass"),
    )


def test_pictures_are_well_formed_and_the_same_every_time(everything: Any) -> None:
    made = pictures_of(everything)
    assert set(made) == {"outcomes", "reasons", "refusals", "refusals_by_drawn", "overhead", "slowest", "unknown", "drawn_0"}
    assert made == pictures_of(everything)
    for drawing in made.values():
        ET.fromstring(drawing)
        assert not re.search(r"<script|<image|<style|<metadata|https?://(?!www\.w3\.org/)", drawing)


def test_ids_are_one_pictures_own(everything: Any) -> None:
    made = pictures_of(everything)
    ids = [each for drawing in made.values() for each in re.findall(r' id="([^"]+)"', drawing)]
    assert len(ids) == len(set(ids))
    for drawing in made.values():
        referred = re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', drawing)
        assert {each for each in referred if f'id="{each}"' not in drawing} == set()


def test_colours_are_the_pages(everything: Any) -> None:
    for drawing in pictures_of(everything).values():
        assert set(re.findall(r"#[0-9a-f]{6}", drawing)) <= {"#ffffff", "#000000"}
        assert "var(--" in drawing


def test_text_stays_text(everything: Any) -> None:
    made = pictures_of(everything)
    assert ">terms/black</text>" in made["refusals"]
    assert "$x^2$" in made["unknown"], "no formula is made of a prompt's words"


def test_a_share_off_target_is_marked(line: Make, somebody: Make, figures: Make) -> None:
    off = pictures_of(figures(*[line(somebody(drawn=["woman"]))] * 40))["drawn_0"]
    even = pictures_of(figures(*[line(somebody(drawn=["woman", "man"]), rewrites=["", ""])] * 20))["drawn_0"]
    assert "woman  (!)" in off
    assert "var(--warn)" in off
    assert "(!)" not in even


def test_nothing_to_show_is_no_picture(figures: Make) -> None:
    assert pictures_of(figures()) == {}


@pytest.mark.parametrize(("share", "said"), [(0, "0.0%"), (0.0025, "0.25%"), (0.5, "50.0%"), (1, "100.0%")])
def test_percent(share: float, said: str) -> None:
    assert percent(share) == said
