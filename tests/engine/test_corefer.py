"""Which mentions are one person; whom a group only announces."""

from collections.abc import Callable

import pytest

from evenhand.engine.corefer import corefer, stated
from evenhand.engine.groups import Groups
from evenhand.engine.mentions import find_mentions
from evenhand.engine.reading import Reading
from evenhand.engine.sift import sift
from evenhand.engine.zones import style_zones

ONE_PERSON = [
    ("Serena Williams as a nurse", ["serena williams = nurse"]),
    ("Elon Musk dressed as a viking", ["elon musk = viking"]),
    ("the mayor, a retired teacher", ["mayor = teacher"]),
    ("Marie Curie, a scientist", ["marie curie = scientist"]),
    ("the woman is a doctor", ["woman = doctor"]),
    ("chef gordon ramsay", ["chef = gordon ramsay"]),
    ("gordon ramsay the chef", ["gordon ramsay = chef"]),
    ("a scientist named Marie Curie", ["scientist = marie curie"]),
    ("a woman resembling Emma Stone", ["woman = emma stone"]),
    ("a crowd of students", ["crowd = students"]),
    ("a team of tired doctors", ["team = doctors"]),
    ("a woman doctor", ["woman = doctor"]),
    ("A baker opens the oven. The baker smiles.", ["baker = baker"]),
    ("a man walks. The person waves.", ["man = person"]),
    ("portrait, nurse, smile, park, woman", ["nurse = woman"]),
]
SEVERAL = [
    ("an Asian man and a chef", ["man", "chef"]),
    ("a doctor and her patient", ["doctor", "patient"]),
    ("Elon Musk talking to a waiter", ["elon musk", "waiter"]),
    ("Elon Musk and a waiter", ["elon musk", "waiter"]),
    ("a nurse, a teacher and a chef", ["nurse", "teacher", "chef"]),
    ("a nurse, a teacher, and a chef", ["nurse", "teacher", "chef"]),
    ("a doctor is beside a nurse", ["doctor", "nurse"]),
    ("a man and a woman, the person waves", ["man", "woman", "person"]),
    ("two nurses and a nurse", ["nurses", "nurse"]),
    ("a nurse waves. Another nurse smiles.", ["nurse", "nurse"]),
    ("the doctor helps the patient", ["doctor", "patient"]),
    ("the king and a waiter", ["king", "waiter"]),
    ("man, woman, park, smile", ["man", "woman"]),
]


def grouped(reading: Reading) -> Groups:
    return corefer(reading, sift(reading, find_mentions(reading), style_zones(reading)))


def names(reading: Reading, groups: Groups) -> list[str]:
    heads = [" ".join(reading.tokens.words[mention.head : mention.last]) for mention in groups.mentions]
    return [" = ".join(heads[index] for index in joined) for _, joined in sorted(groups.members().items())]


@pytest.mark.parametrize(("text", "people"), [*ONE_PERSON, *SEVERAL])
def test_who_is_one_person(read_text: Callable[[str], Reading], text: str, people: list[str]) -> None:
    reading = read_text(text)
    assert names(reading, grouped(reading)) == people


PARTS = [
    ("two people, a Ukrainian girl and a Nepalese monk", {"people": ["girl", "monk"]}),
    ("two friends: a nurse and a teacher", {"friends": ["nurse", "teacher"]}),
    ("three people, a girl and two boys", {"people": ["girl", "boys"]}),
    ("three people, a girl and a boy", {}),
    ("two nurses and a chef", {}),
    ("two nurses, a chef is far away", {}),
]


@pytest.mark.parametrize(("text", "parts"), PARTS)
def test_a_group_may_announce_its_parts(read_text: Callable[[str], Reading], text: str, parts: dict[str, list[str]]) -> None:
    reading = read_text(text)
    groups = grouped(reading)
    heads = [reading.tokens.words[mention.head] for mention in groups.mentions]
    assert {heads[group]: [heads[part] for part in found] for group, found in groups.parts.items()} == parts


DROPPED = [
    ("a cat dressed as a doctor", {"doctor": "body"}),
    ("a robot as a waiter", {"waiter": "body"}),
    ("a crowd of students", {"crowd": "collective"}),
    ("a group of robots", {"group": "body"}),
    ("a doctor dressed as a cat", {}),
]


@pytest.mark.parametrize(("text", "dropped"), DROPPED)
def test_who_falls_away(read_text: Callable[[str], Reading], text: str, dropped: dict[str, str]) -> None:
    reading = read_text(text)
    groups = grouped(reading)
    assert {reading.tokens.words[groups.mentions[index].head]: why for index, (why, _) in groups.dropped.items()} == dropped


def test_what_a_noun_states(read_text: Callable[[str], Reading]) -> None:
    found = [stated(mention) for mention in find_mentions(read_text("a king, a woman, a nurse"))]
    assert found == ["man", "woman", None]
