"""How drawn values are said: each row is a prompt, what is drawn, and the rewrite word for word."""

import re
from collections.abc import Callable
from typing import get_args

import pytest

from evenhand.engine import Engine
from evenhand.engine.manner import Manner
from evenhand.engine.word import word
from evenhand.flow import Axis, Draw, Prompt, Ruling, Span, Subject
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
        edits, replaced = word(Manner(text), draws, village)
        rewrite = splice(text, edits)
        assert replaced is not is_subsequence(re.findall(r"[^\W_]+", text), re.findall(r"[^\W_]+", rewrite))
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
    ("AN ENGINEER AT WORK, 8k", "man", "Black", "A BLACK MALE ENGINEER AT WORK, 8k"),
    ("Doctor at work", "man", "white", "White Male Doctor at work"),
    ("Young doctor at work", "man", "white", "Young white male doctor at work"),
    ("Portrait Of A Young Doctor", "man", "East Asian", "Portrait Of A Young East Asian Male Doctor"),
    ("tired_nurse, night_shift", "woman", "East Asian", "tired_east_asian_female_nurse, night_shift"),
    ("a tired, hungry chef", "woman", "Middle Eastern", "a tired, hungry Middle Eastern female chef"),
    ("a very tired nurse", "man", "Black", "a very tired Black male nurse"),
    ("the best doctor", "man", "Black", "the best Black male doctor"),
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
    ("a person and their dog", "woman", "Black", "a Black woman and their dog"),
    ("a person talking with person", "woman", "Black", "a Black female person talking with person"),
    ("A PERSON AT WORK", "woman", "East Asian", "AN EAST ASIAN WOMAN AT WORK"),
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
    ("people in a park", ["gender", "ethnicity"], "a diverse group of people in a park"),
    ("a crowd of people", ["gender", "ethnicity"], "a diverse crowd of people"),
    ("hundreds of people", ["gender", "ethnicity"], "hundreds of diverse people"),
    ("the people in a park", ["gender", "ethnicity"], "the diverse people in a park"),
    ("People in a park", ["gender", "ethnicity"], "A Diverse Group of People in a park"),
    ("Black people in a park", ["gender"], "Black people, women and men, in a park"),
    ("seven Black people", ["gender"], "seven Black people of both genders"),
    ("tired young students", ["gender", "ethnicity"], "diverse tired young students"),
    ("a crowd of students", ["gender", "ethnicity"], "a diverse crowd of students"),
    ("a group of women", ["ethnicity"], "an ethnically diverse group of women"),
]


@pytest.mark.parametrize(("text", "axes", "wanted"), RANGES)
def test_uncounted_groups_get_a_range(say: Say, text: str, axes: list[str], wanted: str) -> None:
    assert say(text, **{axis: [("range",)] for axis in axes}) == wanted


LIMITS = [
    ("a doctor", 22, "a Middle Eastern female doctor"),
    ("a doctor", 21, "a doctor"),
    ("two doctors", 25, "two doctors, a Middle Eastern woman and a Middle Eastern man"),
    ("two doctors", 20, "two diverse doctors"),
    ("two doctors", 5, "two doctors"),
]


@pytest.mark.parametrize(("text", "limit", "wanted"), LIMITS)
def test_words_beyond_the_limit_become_a_range_or_none(
    small_engine: Engine, village: Ruleset, text: str, limit: int, wanted: str
) -> None:
    rulings = small_engine.decide(Prompt(text=text)).plan.rulings
    people = rulings[0].subject.number or 1
    drawn: dict[Axis, tuple[str, ...]] = {"gender": ("woman", "man")[:people], "ethnicity": ("Middle Eastern",) * people}
    edits, _ = word(Manner(text), [Draw(ruling=ruling, values=drawn[ruling.axis]) for ruling in rulings], village, limit=limit)
    assert splice(text, edits) == wanted


PRONOUNS = [
    ("someone reading", "a Black woman reading"),
    ("Someone at a door", "A Black woman at a door"),
    ("someone tall", "someone tall"),
]


@pytest.mark.parametrize(("text", "wanted"), PRONOUNS)
def test_a_pronoun_takes_no_adjective(village: Ruleset, text: str, wanted: str) -> None:
    head = Span(0, 7)
    subject = Subject(span=head, head=head, count="one", number=1, findings=(), slots={"gender": 0, "ethnicity": 0})
    drawn: dict[Axis, str] = {"gender": "woman", "ethnicity": "Black"}
    draws = [Draw(ruling=Ruling(subject=subject, axis=axis, closed_by=()), values=(value,)) for axis, value in drawn.items()]
    assert splice(text, word(Manner(text), draws, village)[0]) == wanted


def test_a_tag_is_followed_by_a_tag(village: Ruleset) -> None:
    head = Span(0, 5)
    subject = Subject(span=head, head=head, count="one", number=1, findings=(), slots={"ethnicity": 0})
    drawn = Draw(ruling=Ruling(subject=subject, axis="ethnicity", closed_by=()), values=("South Asian",))
    assert splice("1girl, solo", word(Manner("1girl, solo"), [drawn], village)[0]) == "1girl, South Asian, solo"


def test_two_subjects_of_one_prompt(say: Say) -> None:
    told = say("an engineer and a chef", gender=[("man",), ("woman",)], ethnicity=[("Black",), ("East Asian",)])
    assert told == "a Black male engineer and an East Asian female chef"


def test_a_long_lower_case_prompt_stays_in_lower_case(say: Say) -> None:
    text = "a doctor at work in a small bright room on the third floor"
    assert say(text, gender=[("man",)], ethnicity=[("Black",)]) == text.replace("a doctor", "a black male doctor")


def test_nothing_drawn_says_nothing(village: Ruleset) -> None:
    assert word(Manner("a doctor"), [], village) == ((), False)


def test_every_value_of_the_policy_has_its_wording(shipped: Ruleset) -> None:
    missing = [
        (axis, value) for axis, shares in shipped.policy.axes.items() for value in shares if (axis, value) not in shipped.wording
    ]
    assert missing == []
    assert set(shipped.policy.axes) <= set(get_args(Axis))
