"""Where person nouns stand, and what became of the mentions before one."""

from collections.abc import Callable

from evenhand.engine.mentions import find_mentions
from evenhand.engine.others import Others
from evenhand.engine.reading import Reading


def test_person_nouns_by_place(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a cat, a nurse and a doctor")
    others = Others(reading, find_mentions(reading))
    found = [others.person_from(index) for index in (0, 5, 7, 8)]
    assert [mention and reading.tokens.words[mention.head] for mention in found] == ["nurse", "doctor", "doctor", None]
    assert [others.is_anybody_by(index) for index in (4, 5)] == [False, True]
    assert others.firsts == {1, 3, 6}


def test_bodies_count_until_somebody_comes(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a cat, a dog, a nurse")
    mentions = find_mentions(reading)
    others = Others(reading, mentions)
    assert others.body_before(99) is None
    for mention in mentions:
        others.passed(mention)
    found = [others.body_before(index) for index in (1, 2, 7, 8)]
    assert [mention and reading.tokens.words[mention.head] for mention in found] == [None, "cat", "dog", None]


def test_who_was_refused_does_not_count(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("a nurse, a cat")
    nurse, cat = find_mentions(reading)
    others = Others(reading, [nurse, cat])
    others.passed(nurse.refused("part"))
    others.passed(cat)
    assert others.body_before(5) is cat
