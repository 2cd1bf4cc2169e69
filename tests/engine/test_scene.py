"""What closes an axis for everybody in the picture: a past, a place, a tradition."""

from collections.abc import Callable

import pytest

ALL: list[str] = ["gender", "ethnicity"]
PAST = [
    "a medieval doctor and a nurse",
    "a doctor and a nurse in 1943",
    "a doctor and a nurse in the 1920s",
    "a doctor and a nurse, 1 9 2 0 s",
    "a doctor and a nurse, 19th century",
    "a doctor and a nurse in World War II",
    "a doctor and a nurse at the Battle of Hastings",
    "a doctor, a nurse and a viking",
    "a doctor and a nurse with vikings",
    "1916. A doctor and a nurse",
]
NOT_PAST = [
    "a doctor and a nurse in 1987",
    "a doctor and a nurse, 1920x1080, f/1.8, 35mm, 8k",
    "a doctor and a nurse in 2022",
    "a doctor and a nurse at a 1940s-themed party",
    "a doctor and a nurse, in 1950s comic style",
    "a doctor and a nurse, 1940s film noir style",
    "renaissance-style portrait of a doctor and a nurse",
    "a doctor and a nurse, renaissance painting",
    "a doctor and a nurse in victorian costumes",
    "a doctor and a nurse with a knight costume",
    'a doctor and a nurse under a sign "since 1890"',
    "a doctor and a nurse --seed 1890",
    "a doctor and a nurse beside a medieval-inspired map",
    "a doctor and a nurse, a statue of a knight",
]
ONE_PLACE = [
    "a doctor and a nurse in Lagos",
    "Lagos, a doctor, a nurse",
    "a doctor and a nurse at a Diwali feast",
    "a doctor and a nurse beside a Chinese car",
    "a doctor and a nurse, tokyo",
]
NO_PLACE = [
    "a doctor and a nurse in London",
    "a doctor and a nurse beside a Chinese sausage",
    "a doctor and a nurse beside a Persian cat",
    "a doctor and a nurse, Japanese anime",
    "a doctor and a nurse in the style of Lagos",
    "a doctor and a nurse without Diwali",
]


def axes_of(found: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    return found["doctor"], found["nurse"]


@pytest.mark.parametrize("text", PAST)
def test_a_past_closes_everything_for_everybody(open_axes: Callable[[str], dict[str, list[str]]], text: str) -> None:
    assert [axes for axes in open_axes(text).values() if axes] == []


@pytest.mark.parametrize("text", NOT_PAST)
def test_what_is_no_past(open_axes: Callable[[str], dict[str, list[str]]], text: str) -> None:
    assert axes_of(open_axes(text)) == (ALL, ALL)


@pytest.mark.parametrize("text", ONE_PLACE)
def test_a_place_closes_ethnicity_for_everybody(open_axes: Callable[[str], dict[str, list[str]]], text: str) -> None:
    assert axes_of(open_axes(text)) == (["gender"], ["gender"])


@pytest.mark.parametrize("text", NO_PLACE)
def test_what_is_no_place(open_axes: Callable[[str], dict[str, list[str]]], text: str) -> None:
    assert axes_of(open_axes(text)) == (ALL, ALL)


SOME = [
    ("a tourist in Kyoto", {"tourist": ALL}),
    ("a tourist and a waiter in Kyoto", {"tourist": ALL, "waiter": ["gender"]}),
    ("a tourist in 1943", {"tourist": []}),
    ("a doctor from Vietnam and a nurse in London", {"doctor": ["gender"], "nurse": ALL}),
    ("a German soldier in 2022", {"German soldier": ["gender"]}),
    ("a German soldier in 1943", {"German soldier": []}),
    ("a German soldier in World War II", {"German soldier": []}),
    ("a German soldier in 1987", {"German soldier": ["gender"]}),
    ("Elon Musk in Kyoto with a waiter", {"Elon Musk": [], "waiter": ["gender"]}),
    ("Lincoln beside a waiter", {"Lincoln": [], "waiter": ALL}),
]


@pytest.mark.parametrize(("text", "wanted"), SOME)
def test_whom_the_scene_holds_for(
    open_axes: Callable[[str], dict[str, list[str]]], text: str, wanted: dict[str, list[str]]
) -> None:
    assert open_axes(text) == wanted


CLOSERS = [
    ("a doctor in 1943", {("gender", "period", "1943"), ("ethnicity", "period", "1943")}),
    ("a doctor in Lagos", {("ethnicity", "culture", "Lagos")}),
    ("a doctor, a Chinese car", {("ethnicity", "culture", "Chinese")}),
]


@pytest.mark.parametrize(("text", "wanted"), CLOSERS)
def test_the_scene_says_why(
    closed_by: Callable[[str], dict[str, set[tuple[str, str, str]]]], text: str, wanted: set[tuple[str, str, str]]
) -> None:
    assert closed_by(text)["doctor"] == wanted
