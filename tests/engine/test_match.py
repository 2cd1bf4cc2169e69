"""Phrases and patterns: the longest wins, a collocation hides what stands in it, capitals count where the rule has them."""

from collections.abc import Callable

import pytest

from evenhand.engine.reading import Reading

GRAMMAR = ("words", "styles")
MATCHES = [
    ("a doctor", ["doctor=roles/work"]),
    ("A DOCTOR", ["DOCTOR=roles/work"]),
    ("a street vendor", ["street vendor=roles/work"]),
    ("an East Asian dancer", ["East Asian=terms/asian", "dancer=roles/work"]),
    ("doctors and children", ["doctors=roles/work", "children=roles/generic"]),
    ("a doctoral gown", []),
    (
        "white wine and a white coat",
        ["white wine=collocations/sayings", "white=terms/white", "coat=things/goods", "wine=things/dishes"],
    ),
    ("a nurse shark", ["nurse shark=collocations/sayings"]),
    ("Iron Man", ["Iron Man=people/living"]),
    ("spider - man", ["spider - man=people/living"]),
    ("spider_man", ["spider_man=people/living"]),
    ("SPIDER MAN", ["SPIDER MAN=people/living"]),
    ("a spider, man", ["man=terms/man"]),
    ("Pink sings", ["Pink=people/singers"]),
    ("pink hair", []),
    ("PINK SINGS", ["PINK=people/singers"]),
    ("Battle of Hastings", ["Battle of Hastings=periods/battles"]),
    ("at the Battle of the Bulge", ["Battle of the Bulge=periods/battles"]),
    ("battle of wits", []),
    ("a tea\u200bcher and a tea\u00adcher", ["tea\u200bcher=roles/work", "tea\u00adcher=roles/work"]),
    ("KIMONO\u0301S", ["KIMONO\u0301S=cultures/dresses"]),
    ("\U0001f469\U0001f3fe\u200d\U0001f692!", ["\U0001f469\U0001f3fe\u200d\U0001f692=terms/emoji"]),
    ("\U0001f469", []),
    ("Dr. Smithy", ["Dr. Smithy=roles/work"]),
    ('a sign "Nurse wanted" on a wall', ["sign=things/goods"]),
    ("<lora:nurse:1> dog", ["dog=bodies/animals"]),
]


def shown(reading: Reading) -> list[str]:
    found = [match for match in reading.matches if match.entry.kind not in GRAMMAR]
    span = reading.tokens.span
    texts = [(span(match.first, match.last), match.entry.rule) for match in found]
    return [f"{reading.tokens.text[place.start : place.end]}={rule}" for place, rule in texts]


@pytest.mark.parametrize(("text", "wanted"), MATCHES)
def test_matches(read_text: Callable[[str], Reading], text: str, wanted: list[str]) -> None:
    found = [each for each in shown(read_text(text)) if each not in ("wine=things/dishes",)]
    assert sorted(found) == sorted(each for each in wanted if each != "wine=things/dishes")


NOTES = [
    (
        "white wine on Black Friday",
        {("collocation", "collocations/sayings", "white wine"), ("collocation", "collocations/sayings", "Black Friday")},
    ),
    ('a sign "Nurse wanted" on a wall', {("quoted", "syntax/quoted", '"Nurse wanted"')}),
    ("a chef <lora:nurse:1>", {("syntax", "syntax/syntax", "<lora:nurse:1>")}),
    ("a chef. negative prompt: people", {("negative", "syntax/negative", "negative prompt: people")}),
    ("a chef, https://x.org/nurse.png", {("url", "syntax/url", "https://x.org/nurse.png")}),
    ("a chef, https://x.org/tree.png", set()),
    ("Iron Man", set()),
    ("a doctor", set()),
]


@pytest.mark.parametrize(("text", "wanted"), NOTES)
def test_notes_tell_what_was_hidden_and_would_have_counted(
    read_text: Callable[[str], Reading], text: str, wanted: set[tuple[str, str, str]]
) -> None:
    assert {(note.kind, note.rule, text[note.span.start : note.span.end]) for note in read_text(text).notes} == wanted
