"""Every class the engine asks for is a bit of its own; what an entry is of follows from its kind and flags."""

import pytest

from evenhand.engine.classes import BITS, KINDS, NUMBERS, STYLES, WORDS, classes, classes_of
from evenhand.rules import Ruleset


def test_every_class_has_a_bit_of_its_own() -> None:
    assert len(BITS) == len((*KINDS, *STYLES, *NUMBERS, *WORDS))
    assert sum(BITS.values()) == classes(*BITS) == (1 << len(BITS)) - 1


def test_a_class_named_twice_counts_once() -> None:
    assert classes("roles", "terms", "roles") == BITS["roles"] | BITS["terms"]


def test_a_class_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        classes("determiner")


@pytest.mark.parametrize(
    ("kind", "flags", "is_noun", "names"),
    [
        ("roles", {"weak"}, True, ["roles"]),
        ("words", {"determiners", "indefinites"}, False, ["words", "determiners", "indefinites"]),
        ("words", {"house-words"}, False, ["words"]),
        ("styles", {"before"}, False, ["styles", "style-before"]),
        ("terms", {"tag"}, False, ["terms", "attributes", "tag"]),
        ("terms", set(), True, ["terms"]),
        ("cultures", {"place"}, False, ["cultures", "attributes"]),
    ],
)
def test_classes_of_an_entry(kind: str, flags: set[str], is_noun: bool, names: list[str]) -> None:
    assert classes_of(kind, frozenset(flags), is_noun) == classes(*names)


def test_the_rules_have_every_class_of_words(shipped: Ruleset) -> None:
    missing = {name for name in (*WORDS, *NUMBERS) if f"words/{name}" not in shipped.why}
    assert missing <= {"food"}  # a switch of things
