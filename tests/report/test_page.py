"""The page stands alone: no script, nothing loaded, every word of a log escaped; it holds the figures it shows."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from evenhand.logged import Unread
from evenhand.report.page import between, lines, milliseconds, moment, page_of, plain
from evenhand.report.tally import Estimate

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


def test_words_of_a_log_are_words_only(line: Make, somebody: Make, figures: Make) -> None:
    evil = somebody(EVIL, because=("explicit", EVIL)) | {"axes": {EVIL: somebody(drawn=[EVIL])["axes"]["gender"]}}
    stated = somebody(because=("explicit", EVIL))
    course = {"route": EVIL, "tenant": EVIL, "request_id": EVIL, "timestamp": EVIL, "revision": EVIL, "drift": [EVIL]}
    found = figures(
        line(evil, stated, prompt=EVIL, outcome=EVIL, unknown=["/subjects/0/head"], masked=[EVIL], **course),
        line(outcome="bypass", **course),
        Unread(source=EVIL, number=1, why="the line is no JSON"),
    )
    tags = Tags()
    page = page_of(found)
    tags.feed(page)
    assert "<script" not in page
    assert not tags.seen & {"script", "img", "iframe", "link", "object", "form"}
    assert not [name for name in tags.attributes if name.startswith("on")]
    assert "49" not in re.findall(r">\s*(\d+)\s*<", page)
    assert "\u202e" not in page


def test_nothing_is_loaded(line: Make, figures: Make) -> None:
    page = page_of(figures(line()))
    assert not re.search(r"https?://(?!www\.w3\.org/)|url\((?!#)|@import|\ssrc=", page)
    assert "default-src 'none'" in page
    assert page.lstrip().startswith("<!doctype html>")


def test_the_same_figures_make_the_same_page(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(*[line(somebody(drawn=["woman"]), number=n) for n in range(5)])
    assert page_of(found) == page_of(found)


def test_what_is_missing_is_told(line: Make, somebody: Make, figures: Make) -> None:
    found = figures(
        line(somebody(""), masked=["/prompt", "/subjects/0/head/text"], unknown=["/subjects/0/head"], sample=0.1, lost=7),
        line(revision="other"),
        line(somebody(drawn=["woman"]), is_log=False),
        Unread(source="decisions.jsonl", number=41, why="the line is no JSON"),
    )
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page_of(found)))
    for said in (
        "1 line could not be read.",
        "decisions.jsonl:41",
        "7 decisions are missing",
        "1 of them kept by sampling",
        "Batch output: 1 line, without time taken",
        "the log also holds decisions of other revisions",
        "/subjects/*/head/text",
        "The words of 10 are erased from this log",
    ):
        assert said in page


def test_an_empty_log_makes_a_page(figures: Make) -> None:
    assert "0 decisions" in page_of(figures())


def test_how_things_are_said() -> None:
    assert between(Estimate(count=1, of=2, share=0.5, low=0.25, high=0.75)) == "25.0% \u2013 75.0%"
    assert (milliseconds(0.123), milliseconds(1_234.5)) == ("0.12 ms", "1,234 ms")
    assert moment("2026-01-02T03:04:05.678Z") == "2026-01-02 03:04:05 UTC"
    assert plain("a\u202eb\x1b\nc\ud800") == "a\\u202eb\\x1b\\nc\\ud800"
    assert (lines(1), lines(1_200)) == ("1 line", "1,200 lines")


@pytest.mark.parametrize("word", ["prefers-color-scheme: dark", "@media print"])
def test_it_suits_the_dark_and_the_printer(word: str, line: Make, figures: Make) -> None:
    assert word in page_of(figures(line()))
