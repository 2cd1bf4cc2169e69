"""What one pass finds: marks of grammar, matches by place, whether the prompt is a list of tags."""

from collections.abc import Callable

import pytest

from evenhand.engine.classes import classes
from evenhand.engine.reading import Reading, note, read
from evenhand.flow import Span
from evenhand.rules import Ruleset

MARKS = [
    ("the doctor and her friend", "woman-pronouns", ["her"]),
    ("the doctor and her friend", "conjunctions", ["and"]),
    ("a nurse next to a chef", "prepositions", ["next", "to"]),
    ("a nurse in the style of x", "style-before", ["in", "the", "style", "of"]),
    ("anime, a nurse", "style-medium", ["anime"]),
    ("a German nurse", "attributes", ["german"]),
    ("a German nurse", "roles", ["nurse"]),
    ("three Spaniards", "attributes", []),
    ("no people", "negations", ["no"]),
]


@pytest.mark.parametrize(("text", "name", "words"), MARKS)
def test_marks(read_text: Callable[[str], Reading], text: str, name: str, words: list[str]) -> None:
    reading = read_text(text)
    assert [word for index, word in enumerate(reading.tokens.words) if reading.has(name, index)] == words


TAGS = [
    ("1girl, solo, blue_eyes, smile", True),
    ("nurse, smile, park, 8k, bokeh", True),
    ("a nurse, a teacher and a chef", False),
    ("a nurse", False),
    (f"a nurse stands at the window of {'a long, ' * 3}quiet hall {'and looks over the city ' * 6}", False),
]


@pytest.mark.parametrize(("text", "is_tags"), TAGS)
def test_tag_lists(read_text: Callable[[str], Reading], text: str, is_tags: bool) -> None:
    assert read_text(text).is_tags is is_tags


def test_the_longest_match_of_a_kind(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a ballet dancer in London")
    found = reading.longest(1, "roles")
    assert found is not None
    assert (found.first, found.last) == (1, 3)
    assert reading.longest(1, "cultures") is None
    assert [match.entry.rule for match in reading.starting(4, "cultures", "roles")] == ["cultures/places"]
    assert reading.any(classes("roles", "cultures"), 4)


def test_labels_count_only_where_the_model_gave_a_chance(village: Ruleset) -> None:
    reading = read("a nurse here", village, labels=[("O", 0.0), ("HEAD", 0.9)])
    assert [reading.label(index) for index in range(3)] == [("", 0.0), ("HEAD", 0.9), ("", 0.0)]


def test_masked_tokens(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a chef <lora:nurse:1> here")
    assert {reading.tokens.words[index] for index in reading.masked} == {"<", "lora", ":", "nurse", "1", ">"}


def test_a_note_spans_its_tokens(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a  street vendor")
    assert note(reading.tokens, 1, 3, kind="part", rule="words/parts").span == Span(3, 16)
