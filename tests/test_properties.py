"""What holds for every prompt: the rewrite only adds, is idempotent, reproducible, and its edits make the text."""

import re
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from evenhand.engine import Engine
from evenhand.flow import Decision, Prompt
from evenhand.rules import load_rules
from evenhand.text import splice

PEOPLE = [
    "doctor",
    "engineer",
    "nurse",
    "teacher",
    "software engineer",
    "person",
    "child",
    "woman",
    "firefighter",
    "street vendor",
    "pensioner",
    "parent",
    "delivery person",
    "police officer",
    "singer-songwriter",
    "young adult",
    "high school teacher",
]
PLURALS = [
    "doctors",
    "engineers",
    "students",
    "people",
    "tourists",
    "women",
    "firefighters",
    "children",
    "ballet dancers",
    "young people",
]
ADJECTIVES = [
    "",
    "young ",
    "tired ",
    "happy young ",
    "Black ",
    "female ",
    "tall, friendly ",
    "South Asian ",
    "old ",
    "very tired ",
    "smiling ",
    "tired but happy ",
]
PLACES = [
    "",
    " in a park",
    " at a whiteboard",
    " with a dog",
    ", oil painting by Rembrandt",
    " in Lagos",
    ", 8k, bokeh",
    " reading a map",
    ".",
]
SINGLE = st.builds(
    lambda det, adjective, noun: f"{det}{adjective}{noun}",
    st.sampled_from(["a ", "the ", "one ", ""]),
    st.sampled_from(ADJECTIVES),
    st.sampled_from(PEOPLE),
)
SEVERAL = st.builds(
    lambda number, adjective, noun: f"{number} {adjective}{noun}",
    st.sampled_from(
        [
            "two",
            "three",
            "4",
            "seven",
            "a crowd of",
            "some",
            "a group of",
            "a small team of",
            "a dozen",
            "hundreds of",
            "a pair of",
        ]
    ),
    st.sampled_from(ADJECTIVES),
    st.sampled_from(PLURALS),
)
GROUPS = st.sampled_from(
    [
        "siblings",
        "people",
        "a huge crowd",
        "tired_nurse",
        "an elderly couple",
        "a crowd",
        "a family",
        "an orchestra",
        "a couple",
        "an audience",
        "(doctor:1.3)",
        "[nurse|teacher]",
    ]
)
SUBJECTS = st.one_of(SINGLE, SEVERAL, GROUPS)
JOINTS = [" and ", " talking with ", ", ", " next to ", " while looking at "]
CASES = st.sampled_from([str, str.lower, str.upper, str.capitalize])
PROMPTS = st.builds(
    lambda first, joint, second, place, case: case(first + (joint + second if second else "") + place),
    SUBJECTS,
    st.sampled_from(JOINTS),
    st.one_of(st.just(""), SUBJECTS),
    st.sampled_from(PLACES),
    CASES,
)
ANY_TEXT = st.one_of(PROMPTS, st.text(max_size=80), st.builds(lambda one, two: one + two, PROMPTS, st.text(max_size=30)))


@cache
def engine() -> Engine:
    return Engine(load_rules())


def decide(text: str, *, seed: int = 1, images: int = 1) -> Decision:
    return engine().decide(Prompt(text=text, seed=seed, images=images))


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(word in rest for word in short)


@given(text=ANY_TEXT, seed=st.integers(0, 2**32))
def test_the_rewrite_only_adds_words(text: str, seed: int) -> None:
    decision = decide(text, seed=seed)
    for rewrite in decision.texts:
        assert decision.replaced or is_subsequence(words(text), words(rewrite)), rewrite


@given(text=ANY_TEXT, images=st.integers(1, 4))
def test_edits_make_the_texts(text: str, images: int) -> None:
    decision = decide(text, images=images)
    assert len(decision.texts) in (0, images)
    assert [splice(text, edits) for edits in decision.edits] == list(decision.texts)
    assert all(rewrite != text for rewrite in decision.texts)


@settings(max_examples=400, deadline=None)
@given(text=PROMPTS, seed=st.integers(0, 2**32))
def test_rewriting_a_rewrite_changes_nothing(text: str, seed: int) -> None:
    for rewrite in decide(text, seed=seed).texts:
        again = decide(rewrite, seed=seed + 1)
        assert again.outcome == "unchanged", (rewrite, again.texts)


@given(text=PROMPTS, seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_words(text: str, seed: int) -> None:
    assert decide(text, seed=seed, images=3).texts == decide(text, seed=seed, images=3).texts


@given(text=st.text(max_size=200))
def test_no_text_breaks_the_engine(text: str) -> None:
    decision = decide(text)
    for subject in decision.plan.analysis.subjects:
        assert 0 <= subject.span.start <= subject.head.start < subject.head.end <= len(text)
