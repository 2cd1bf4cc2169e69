"""The cast: a name leads, an announced group hands down what is said of it, free words go to whom was spoken of last."""

from collections.abc import Callable

import pytest

from evenhand.engine.cast import ALL_AXES, MOST_TOLD, Cast, Person, finding, hand_down, make_cast, told
from evenhand.engine.corefer import corefer
from evenhand.engine.mentions import find_mentions
from evenhand.engine.reading import Reading
from evenhand.engine.sift import sift
from evenhand.engine.zones import style_zones
from evenhand.flow import Span
from evenhand.rules.ruleset import Entry


def cast_of(reading: Reading) -> Cast:
    return make_cast(corefer(reading, sift(reading, find_mentions(reading), style_zones(reading))))


def head(reading: Reading, person: Person) -> str:
    return " ".join(reading.tokens.words[person.lead.head : person.lead.last])


CASTS = [
    ("a doctor", ["doctor"]),
    ("a doctor as Marie Curie", ["marie curie"]),
    ("Serena Williams as a nurse", ["serena williams"]),
    ("a crowd of students", ["students"]),
    ("a woman doctor", ["doctor"]),
    ("no people, a chef", ["chef"]),
    ("a cat dressed as a doctor", []),
    ("a waiter and a nurse", ["waiter", "nurse"]),
]


@pytest.mark.parametrize(("text", "heads"), CASTS)
def test_who_leads(read_text: Callable[[str], Reading], text: str, heads: list[str]) -> None:
    reading = read_text(text)
    assert [head(reading, person) for person in cast_of(reading)] == heads


def test_a_named_person_is_named(read_text: Callable[[str], Reading]) -> None:
    people = cast_of(read_text("Elon Musk, me and a waiter"))
    assert [person.is_named for person in people] == [True, True, False]


def test_what_is_said_of_a_group_holds_for_its_parts(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("two people, a girl and a monk")
    cast = cast_of(reading)
    assert [head(reading, person) for person in cast] == ["people", "girl", "monk"]
    explicit = finding(reading, 0, 1, Entry(rule="terms/x", kind="terms", axes=ALL_AXES))
    pair = finding(reading, 0, 1, Entry(rule="roles/x", kind="roles", axes=ALL_AXES, reason="pair"))
    cast[0].findings += [explicit, pair]
    assert [(head(reading, person), person.findings) for person in hand_down(cast)] == [
        ("girl", [explicit]),
        ("monk", [explicit]),
    ]


def test_a_finding_takes_what_its_entry_says_unless_told(read_text: Callable[[str], Reading]) -> None:
    entry = Entry(rule="cues/x", kind="cues", axes=frozenset({"gender"}), reason="cue", states={"gender": "man"})
    reading = read_text("a bearded doctor")
    plain = finding(reading, 1, 2, entry)
    assert (plain.span, plain.reason, plain.rule) == (Span(2, 9), "cue", "cues/x")
    assert (set(plain.axes), dict(plain.states)) == ({"gender"}, {"gender": "man"})
    told = finding(reading, 1, 2, entry, axes=ALL_AXES, reason="period", rule="periods/y")
    assert (told.reason, told.rule, told.axes) == ("period", "periods/y", ALL_AXES)


NEAREST = [
    ("a doctor and a nurse here", 5, ["nurse"]),
    ("a doctor here and a nurse", 2, ["doctor"]),
    ("here a doctor and a nurse", 0, ["doctor"]),
    ("a doctor. here a nurse", 3, ["doctor"]),
    ("here", 0, []),
]


@pytest.mark.parametrize(("text", "index", "heads"), NEAREST)
def test_whom_free_words_describe(read_text: Callable[[str], Reading], text: str, index: int, heads: list[str]) -> None:
    reading = read_text(text)
    assert [head(reading, person) for person in cast_of(reading).nearest(index)] == heads


def test_persons_answer_where_they_are_spoken_of(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("the mayor, a retired teacher, waves")
    cast = cast_of(reading)
    (person,) = cast
    mayor, teacher = person.mentions
    assert [mention.last for _, mention in cast.pairs] == [2, 6]
    assert [list(cast.before(index)) for index in (1, 2, 9)] == [[], [(person, mayor)], [(person, teacher)]]
    assert list(cast.ending(6)) == [(person, teacher)]
    assert [cast.holding(*at) for at in ((4, 5), (4, 7), (7, 8))] == [(person, teacher), None, None]
    assert [cast.at(index) for index in (0, 2)] == [[person], []]
    assert [list(cast.leading_after(index)) for index in (0, 1)] == [[person], []]
    assert cast.place(person) == 0
    assert cast[0] is person
    assert person.gender is None
    assert person.has_mark(reading, "definites")
    assert not person.has_mark(reading, "visitors")


def test_enough_is_told_of_anybody(read_text: Callable[[str], Reading]) -> None:
    reading = read_text("in Kyoto, " * 2 * MOST_TOLD)
    place = Entry(rule="cultures/places", kind="cultures", axes=frozenset({"ethnicity"}), reason="culture")
    found = [finding(reading, index, index + 1, place) for index in range(1, len(reading.tokens), 3)]
    assert told([*found, *found]) == found[:MOST_TOLD]
    other = finding(reading, 0, 1, place, reason="period")
    assert told([*found, other])[-1] is other
