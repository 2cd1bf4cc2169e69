"""Which person nouns are nobody to draw, and why."""

from collections.abc import Callable

import pytest

from evenhand.engine.mentions import Mention, find_mentions
from evenhand.engine.reading import Reading, read
from evenhand.engine.sift import sift
from evenhand.engine.zones import style_zones
from evenhand.rules import Ruleset

DRAWN = [
    "a doctor",
    "nurse",
    "a doctor at the office",
    "a man in a bear hat",
    "a woman's face",
    "headshot of a nurse",
    "portrait of a nurse",
    "a nurse's portrait",
    "the dog and its owner",
    "a worker in the car",
    "a chef with no hat",
    "a teacher beside a portrait of Lincoln",
    "a boy in a Lincoln jacket",
    "a goddess",
    "a woman chased by a dog",
    "a man, black and white photo",
    "a chef holding a map",
    "a nurse wearing a uniform",
    "people at a king crab stall",
]
NOBODY = [
    ("nurse uniform", "nurse", "modifier"),
    ("tourist map", "tourist", "modifier"),
    ("a soldier hat on a table", "soldier", "modifier"),
    ("wearing nurse outfit", "nurse", "modifier"),
    ("the doctor's bag", "doctor", "owner"),
    ("the doctors' office", "doctors", "owner"),
    ("a knight's shield", "knight", "owner"),
    ("the owner's car", "owner", "owner"),
    ("a fox warrior", "warrior", "body"),
    ("robot chef", "chef", "body"),
    ("a person made of wood", "person", "body"),
    ("statue of a soldier", "soldier", "body"),
    ("an astronaut cat and a dog doctor", "doctor", "body"),
    ("legs of a dancer", "dancer", "part"),
    ("silhouette of a man", "man", "part"),
    ("no people", "people", "negation"),
    ("an office without students", "students", "negation"),
    ("no tall young people", "people", "negation"),
    ("a hall devoid of people", "people", "negation"),
    ("stronger than any man", "man", "mention"),
    ("like a goddess", "goddess", "mention"),
    ("a book for students", "students", "mention"),
    ("a map used by soldiers", "soldiers", "mention"),
    ("a road in the style of an actor", "actor", "source"),
    ("a woman doctor", "woman", "compound"),
]


def sifted(reading: Reading) -> list[Mention]:
    return sift(reading, find_mentions(reading), style_zones(reading))


def head(reading: Reading, mention: Mention) -> str:
    return " ".join(reading.tokens.words[mention.head : mention.last])


@pytest.mark.parametrize("text", DRAWN)
def test_people_to_draw(read_text: Callable[[str], Reading], text: str) -> None:
    people = [mention for mention in sifted(read_text(text)) if mention.kind == "person"]
    assert [mention.why_not for mention in people] == [""]


@pytest.mark.parametrize(("text", "word", "why_not"), NOBODY)
def test_nobody(read_text: Callable[[str], Reading], text: str, word: str, why_not: str) -> None:
    reading = read_text(text)
    refused = [(head(reading, mention), mention.why_not) for mention in sifted(reading) if mention.why_not]
    assert refused == [(word, why_not)]


NAMES = [
    ("Elon Musk on a stage", ""),
    ("portrait of Lincoln", ""),
    ("Greg Rutkowski at his desk", ""),
    ("a road, art by Greg Rutkowski", "source"),
    ("a road, 8k, greg rutkowski, soft light", "source"),
    ("a road, 8k, Elon Musk, soft light", ""),
    ("a Lincoln jacket", "owner"),
    ("Lincoln's hat", "owner"),
    ("Lincoln's face", ""),
    ("a teacher beside a portrait of Lincoln", "shown"),
]


@pytest.mark.parametrize(("text", "why_not"), NAMES)
def test_names(read_text: Callable[[str], Reading], text: str, why_not: str) -> None:
    assert [mention.why_not for mention in sifted(read_text(text)) if mention.kind == "name"] == [why_not]


MODEL = [
    ("a doctor", ("HEAD", 0.99), ""),
    ("the doctor", ("REF", 0.99), "model"),
    ("the doctor", ("BODY", 0.99), "model"),
    ("a doctor", ("REF", 0.4), ""),
    ("the figure there", ("HEAD", 0.7), ""),
    ("the figure there", ("HEAD", 0.5), "weak"),
    ("the figure there", ("O", 0.5), "weak"),
]


@pytest.mark.parametrize(("text", "label", "why_not"), MODEL)
def test_the_models_word(village: Ruleset, text: str, label: tuple[str, float], why_not: str) -> None:
    words = read(text, village).tokens.words
    reading = read(text, village, labels=[label if word in ("doctor", "figure") else ("O", 0.99) for word in words])
    assert [mention.why_not for mention in sifted(reading)] == [why_not]


WEAK = [
    ("a model, studio light", ""),
    ("the German model waves", ""),
    ("central subject in focus", "weak"),
]


@pytest.mark.parametrize(("text", "why_not"), WEAK)
def test_weak_nouns_need_a_sign(read_text: Callable[[str], Reading], text: str, why_not: str) -> None:
    assert [mention.why_not for mention in sifted(read_text(text)) if mention.kind == "person"] == [why_not]
