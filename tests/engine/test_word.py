"""How drawn values are said: each row is a prompt, what is drawn, and the rewrite word for word."""

import re
from collections.abc import Callable
from typing import get_args

import pytest

from evenhand.engine import Engine
from evenhand.engine.word import word
from evenhand.flow import Axis, Draw, Prompt
from evenhand.rules import Ruleset
from evenhand.text import splice

Say = Callable[..., str]


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(word in rest for word in short)


@pytest.fixture(scope="session")
def say(small_engine: Engine, village: Ruleset) -> Say:
    """Text and values by axis (one tuple a subject with that axis open, in order) -> the rewrite.

    Whatever is said, the original's words stand in it in their order, unless it tells that one was replaced.
    """

    def told(text: str, **values: list[tuple[str, ...]]) -> str:
        plan = small_engine.decide(Prompt(text=text)).plan
        rest = {axis: iter(drawn) for axis, drawn in values.items()}
        rulings = [ruling for ruling in plan.rulings if ruling.is_open and ruling.axis in rest]
        draws = [Draw(ruling=ruling, values=next(rest[ruling.axis])) for ruling in rulings]
        edits, replaced = word(text, draws, village)
        rewrite = splice(text, edits)
        assert replaced is not is_subsequence(re.findall(r"\w+", text), re.findall(r"\w+", rewrite))
        return rewrite

    return told


ONE = [
    ("a doctor", "woman", "Black", "a Black female doctor"),
    ("a doctor", "man", "East Asian", "an East Asian male doctor"),
    ("an engineer", "man", "Black", "a Black male engineer"),
    ("an engineer", "woman", "East Asian", "an East Asian female engineer"),
    ("An engineer", "man", "white", "A white male engineer"),
    ("A doctor", "man", "East Asian", "An East Asian male doctor"),
    ("an old engineer", "man", "Black", "an old Black male engineer"),
    ("a tired young ballet dancer", "woman", "South Asian", "a tired young South Asian female ballet dancer"),
    ("a 30-year-old nurse", "man", "Hispanic", "a 30-year-old Hispanic male nurse"),
    ("the dog and its owner", "woman", "white", "the dog and its white female owner"),
    ("(doctor:1.3), 8k --ar 16:9", "woman", "Black", "(Black female doctor:1.3), 8k --ar 16:9"),
    ("A DOCTOR AT WORK", "man", "East Asian", "AN EAST ASIAN MALE DOCTOR AT WORK"),
    ("a nurse in a white coat", "man", "Black", "a Black male nurse in a white coat"),
    ("a chef, oil painting by Rembrandt", "woman", "white", "a white female chef, oil painting by Rembrandt"),
    ("a  doctor ,smiling", "woman", "white", "a  white female doctor ,smiling"),
    ("a t\u00adeacher \U0001f3a8", "woman", "white", "a white female t\u00adeacher \U0001f3a8"),
    (
        "caf\u00e9 \U0001f469\u200d\U0001f3a8: a doctor",
        "woman",
        "white",
        "caf\u00e9 \U0001f469\u200d\U0001f3a8: a white female doctor",
    ),
]


@pytest.mark.parametrize(("text", "gender", "ethnicity", "wanted"), ONE)
def test_one_person(say: Say, text: str, gender: str, ethnicity: str, wanted: str) -> None:
    assert say(text, gender=[(gender,)], ethnicity=[(ethnicity,)]) == wanted


NARROWED = [
    ("a person with a map", "woman", "East Asian", "an East Asian woman with a map"),
    ("A person with a map", "man", "Black", "A Black man with a map"),
    ("a happy child", "woman", "white", "a happy white girl"),
    ("an old person", "man", "Hispanic", "an old Hispanic man"),
]


@pytest.mark.parametrize(("text", "gender", "ethnicity", "wanted"), NARROWED)
def test_a_neutral_noun_is_narrowed(say: Say, text: str, gender: str, ethnicity: str, wanted: str) -> None:
    assert say(text, gender=[(gender,)], ethnicity=[(ethnicity,)]) == wanted


ONE_AXIS: list[tuple[str, Axis, str, str]] = [
    ("a Black teacher", "gender", "woman", "a Black female teacher"),
    ("a bearded engineer", "ethnicity", "white", "a bearded white engineer"),
    ("a female engineer", "ethnicity", "East Asian", "an East Asian female engineer"),
    ("an old woman", "ethnicity", "Black", "an old Black woman"),
    ("a woman doctor", "ethnicity", "East Asian", "an East Asian woman doctor"),
    ("a king", "ethnicity", "South Asian", "a South Asian king"),
    ("a family at dinner", "ethnicity", "East Asian", "an East Asian family at dinner"),
]


@pytest.mark.parametrize(("text", "axis", "value", "wanted"), ONE_AXIS)
def test_only_the_open_axis_is_said(say: Say, text: str, axis: str, value: str, wanted: str) -> None:
    assert say(text, **{axis: [(value,)]}) == wanted


SEVERAL = [
    (
        "two nurses",
        ("woman", "man"),
        ("Black", "South Asian"),
        "two nurses, a Black woman and a South Asian man",
    ),
    (
        "two engineers at a whiteboard",
        ("woman", "man"),
        ("East Asian", "white"),
        "two engineers, an East Asian woman and a white man, at a whiteboard",
    ),
    (
        "three firefighters and a dog",
        ("woman", "man", "man"),
        ("Black", "white", "East Asian"),
        "three firefighters, a Black woman, a white man and an East Asian man, and a dog",
    ),
    ("two nurses, smiling", ("woman", "man"), ("Black", "white"), "two nurses, a Black woman and a white man, smiling"),
    ("two nurses", ("woman", "woman"), ("Black", "Black"), "two nurses, both Black women"),
    ("three nurses", ("man", "man", "man"), ("white", "white", "white"), "three nurses, all white men"),
    ("three nurses", ("man", "man", "woman"), ("white", "white", "Black"), "three nurses, two white men and a Black woman"),
    ("two children", ("woman", "man"), ("Black", "white"), "two children, a Black girl and a white boy"),
]


@pytest.mark.parametrize(("text", "genders", "ethnicities", "wanted"), SEVERAL)
def test_people_are_told_one_by_one(
    say: Say, text: str, genders: tuple[str, ...], ethnicities: tuple[str, ...], wanted: str
) -> None:
    assert say(text, gender=[genders], ethnicity=[ethnicities]) == wanted


RANGES: list[tuple[str, list[Axis], str]] = [
    ("a crowd at a concert", ["gender", "ethnicity"], "a diverse crowd at a concert"),
    ("an audience", ["gender", "ethnicity"], "a diverse audience"),
    ("students", ["gender", "ethnicity"], "diverse students"),
    ("seven nurses at work", ["gender", "ethnicity"], "seven diverse nurses at work"),
    ("Japanese students", ["gender"], "Japanese male and female students"),
    ("a Japanese crowd", ["gender"], "a Japanese mixed-gender crowd"),
    ("women in a park", ["ethnicity"], "ethnically diverse women in a park"),
]


@pytest.mark.parametrize(("text", "axes", "wanted"), RANGES)
def test_uncounted_groups_get_a_range(say: Say, text: str, axes: list[str], wanted: str) -> None:
    assert say(text, **{axis: [("range",)] for axis in axes}) == wanted


def test_two_subjects_of_one_prompt(say: Say) -> None:
    told = say("an engineer and a chef", gender=[("man",), ("woman",)], ethnicity=[("Black",), ("East Asian",)])
    assert told == "a Black male engineer and an East Asian female chef"


def test_a_long_lower_case_prompt_stays_in_lower_case(say: Say) -> None:
    text = "a doctor at work in a small bright room on the third floor"
    assert say(text, gender=[("man",)], ethnicity=[("Black",)]) == text.replace("a doctor", "a black male doctor")


def test_nothing_drawn_says_nothing(village: Ruleset) -> None:
    assert word("a doctor", [], village) == ((), False)


def test_every_value_of_the_policy_has_its_wording(shipped: Ruleset) -> None:
    missing = [
        (axis, value) for axis, shares in shipped.policy.axes.items() for value in shares if (axis, value) not in shipped.wording
    ]
    assert missing == []
    assert set(shipped.policy.axes) <= set(get_args(Axis))
