"""The page stands alone: no script, nothing loaded, every word of an answer escaped; it says what it found."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from evenhand.probe.page import chance, page_of, points

Make = Callable[..., Any]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202e{{ 7 * 7 }}"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attributes}


def test_words_of_an_answer_are_words_only(plan: Make, figures: Make) -> None:
    found = figures(
        plan(halves=("guarded", "raw")),
        lambda ask: "refused" if ask.value == "Black" else "drawn",
        drift=(EVIL,),
        code=EVIL,
        revised=EVIL,
        decision=EVIL,
    )
    page, tags = page_of(found), Tags()
    tags.feed(page)
    assert not tags.seen & {"script", "img", "link", "iframe", "form"}
    assert not [name for name in tags.attributes if name.startswith("on") or name == "src"]
    assert "\u202e" not in page
    assert "{{ 7 * 7 }}" in page
    assert not re.search(r"https?://(?!www\.w3\.org/|127\.0\.0\.1)", page)


def test_it_says_what_it_found(plan: Make, figures: Make) -> None:
    page = page_of(figures(plan(), lambda ask: "refused" if ask.value == "Black" else "drawn"))
    assert "<h2>One group stands out.</h2>" in page
    assert "ethnicity &#39;Black&#39; is refused more often (guarded): 100% against 0% of the others" in page
    assert "(!) more" in page
    assert "<svg" in page
    assert "a 1943 German soldier" in page
    assert ":root" in page, "the report's own style"


def test_nothing_found_and_nothing_sent(plan: Make, figures: Make) -> None:
    page = page_of(figures(plan(), lambda _: "drawn"))
    assert "No group stands out." in page
    assert "It happened to no prompt" in page
    assert "<svg" not in page
    assert "Nothing was answered." in page_of(figures([], lambda _: "drawn"))
    assert "It happened to every prompt" in page_of(figures(plan(), lambda _: "refused"))


@pytest.mark.parametrize(("share", "said"), [(0.5, "+50.0"), (-0.125, "-12.5"), (0.0, "+0.0")])
def test_points(share: float, said: str) -> None:
    assert points(share) == said


def test_chances() -> None:
    assert (chance(0.0001), chance(0.03)) == ("< 0.001", "0.030")
