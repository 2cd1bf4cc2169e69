"""One plot an axis and measure, where something happened; well-formed, the same every time, the flagged group marked."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from evenhand.probe.pictures import by_plot, pictures_of

Make = Callable[..., Any]


def test_plots(plan: Make, figures: Make) -> None:
    found = figures(plan(halves=("guarded", "raw")), lambda ask: "refused" if ask.value == "Black" else "drawn")
    made = pictures_of(found)
    assert set(made) == {("ethnicity", "refusals")}
    assert made == pictures_of(found)
    (drawing,) = made.values()
    ET.fromstring(drawing)
    assert "Black  (!)" in drawing
    assert "white  (!)" not in drawing
    assert "var(--warn)" in drawing
    assert all(f">{half}</text>" in drawing for half in ("guarded", "raw", "all groups"))
    assert not re.search(r"<script|<image|<style|https?://(?!www\.w3\.org/)", drawing)


def test_halves_share_a_plot(plan: Make, figures: Make) -> None:
    found = figures(plan(halves=("guarded", "raw")), lambda _: "drawn")
    assert pictures_of(found) == {}
    assert {len(axes) for axes in by_plot(found).values()} == {2}
