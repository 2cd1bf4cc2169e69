"""Noun phrases that might be somebody: their first word, their head, how many."""

from collections.abc import Callable

import pytest

from evenhand.engine.mentions import Mention, find_mentions, is_adjective_like
from evenhand.engine.reading import Reading, read
from evenhand.rules import Ruleset

PHRASES = [
    ("a doctor", ["a [doctor]"]),
    ("a tired young ballet dancer", ["a tired young [ballet dancer]"]),
    ("a tall, friendly doctor", ["a tall, friendly [doctor]"]),
    ("an Asian man and a chef", ["an Asian [man]", "a [chef]"]),
    ("a 30-year-old nurse", ["a 30-year-old [nurse]"]),
    ("nurse, teacher", ["[nurse]", "[teacher]"]),
    ("on the bus a nurse reads", ["a [nurse]"]),
    ("two happy engineers", ["two happy [engineers]"]),
    ("my wife", ["my [wife]"]),
    ("the dog and its owner", ["[dog]", "its [owner]"]),
    ("her patient", ["her [patient]"]),
    ("Elon Musk and a waiter", ["[Elon Musk]", "a [waiter]"]),
    ("me as a firefighter", ["[me]", "a [firefighter]"]),
    ("a medieval knight", ["a medieval [knight]"]),
    ("an old man teaching children", ["an old [man]", "[children]"]),
    ("a nurse holding two happy children", ["a [nurse]", "two happy [children]"]),
    ("street vendors", ["[street vendors]"]),
    ("a quiet street at dawn", []),
]


def shown(reading: Reading, mention: Mention) -> str:
    tokens = reading.tokens
    before = tokens.text[tokens.left[mention.first] : tokens.left[mention.head]]
    head = tokens.span(mention.head, mention.last)
    return f"{before}[{tokens.text[head.start : head.end]}]"


@pytest.mark.parametrize(("text", "phrases"), PHRASES)
def test_phrases(read_text: Callable[[str], Reading], text: str, phrases: list[str]) -> None:
    reading = read_text(text)
    assert [shown(reading, mention) for mention in find_mentions(reading)] == phrases


KINDS = [
    ("Elon Musk", ["name"]),
    ("me", ["self"]),
    ("a cat", ["body"]),
    ("a cat and a doctor", ["body", "person"]),
    ("a Spaniard", ["person"]),
    ("a viking", ["person"]),
    ("a thug", ["person"]),
]


@pytest.mark.parametrize(("text", "kinds"), KINDS)
def test_kinds(read_text: Callable[[str], Reading], text: str, kinds: list[str]) -> None:
    assert [mention.kind for mention in find_mentions(read_text(text))] == kinds


NUMBERS = [
    ("a doctor", 1, False),
    ("doctors", None, True),
    ("two doctors", 2, True),
    ("2 doctors", 2, True),
    ("12 tall doctors", 12, True),
    ("three old doctors", 3, True),
    ("a pair of doctors", 2, True),
    ("a 30-year-old doctor", 1, False),
    ("two 30-year-old doctors", 2, True),
    ("a 30 yo doctor", 1, False),
    ("people", None, True),
    ("some doctors", None, True),
    ("the person", 1, False),
]


@pytest.mark.parametrize(("text", "number", "many"), NUMBERS)
def test_numbers(read_text: Callable[[str], Reading], text: str, number: int | None, many: bool) -> None:
    (mention,) = find_mentions(read_text(text))
    assert (mention.number, mention.many) == (number, many)


def test_a_noun_may_have_several_entries(read_text: Callable[[str], Reading]) -> None:
    (mention,) = find_mentions(read_text("1943 German soldier"))
    assert "periods/wehrmacht" in {entry.rule for entry in mention.entries}


LABELLED = [
    ("a glassblower waits", {"glassblower": ("HEAD", 0.95)}, ["person:glassblower"]),
    ("a glassblower waits", {"glassblower": ("HEAD", 0.5)}, []),
    ("two glassblowers wait", {"glassblowers": ("HEAD", 0.95)}, ["person:glassblowers"]),
    ("jo quill waves", {"jo": ("NAME", 0.9), "quill": ("NAME", 0.4)}, ["name:jo quill"]),
    ("jo quill waves", {"jo": ("NAME", 0.4), "quill": ("NAME", 0.4)}, []),
    ("a robot waves", {"robot": ("HEAD", 0.99)}, ["body:robot"]),
    ("a hat waves", {"hat": ("HEAD", 0.99)}, []),
    ('a "glassblower" on a long painted board', {"glassblower": ("HEAD", 0.99)}, []),
]


@pytest.mark.parametrize(("text", "labels", "wanted"), LABELLED)
def test_what_no_list_holds_comes_from_the_model(
    village: Ruleset, text: str, labels: dict[str, tuple[str, float]], wanted: list[str]
) -> None:
    words = read(text, village).tokens.words
    reading = read(text, village, labels=[labels.get(word, ("O", 0.9)) for word in words])
    found = [f"{each.kind}:{' '.join(words[each.head : each.last])}" for each in find_mentions(reading)]
    assert found == wanted


def test_a_refusal_keeps_the_mention_and_says_why(read_text: Callable[[str], Reading]) -> None:
    (mention,) = find_mentions(read_text("a doctor"))
    assert not mention.why_not
    refused = mention.refused("part")
    assert (refused.why_not, refused.rule, refused.head) == ("part", "words/part", mention.head)


@pytest.mark.parametrize(
    ("word", "wanted"), [("beautiful", True), ("famous", True), ("doctor", False), ("olive", False), ("live", False)]
)
def test_words_that_look_like_adjectives(word: str, wanted: bool) -> None:
    assert is_adjective_like(word) is wanted
