"""Drift: a name that is gone, a stated value that became another; nothing else."""

import pytest

from evenhand.dialects.load import load_dialects
from evenhand.flow import Prompt
from evenhand.proxy.drift import drift_of
from evenhand.proxy.live import Serving, serving_of
from evenhand.rules import Ruleset
from evenhand.settings import load_settings


@pytest.fixture(scope="module")
def serving(shipped: Ruleset) -> Serving:
    return serving_of(shipped, load_dialects(), load_settings())


@pytest.mark.parametrize(
    ("asked", "claim", "drift"),
    [
        ("Elon Musk on a stage", "A photograph of Elon Musk speaking on a bright stage.", ()),
        ("Elon Musk on a stage", "A photograph of a businessman speaking on a stage.", ("named",)),
        ("a Black teacher in a classroom", "A Black woman teaching in a sunny classroom.", ()),
        ("a Black teacher in a classroom", "A white teacher in a sunny classroom.", ("ethnicity",)),
        ("a female pilot", "A male pilot in the cockpit of an airliner.", ("gender",)),
        ("a female pilot", "A pilot in the cockpit of an airliner.", ()),
        ("a doctor", "A white male doctor with a stethoscope.", ()),
    ],
)
def test_what_the_upstream_says_it_drew(serving: Serving, asked: str, claim: str, drift: tuple[str, ...]) -> None:
    decision = serving.engine.decide(Prompt(text=asked))
    assert drift_of(decision, [claim], serving) == drift


def test_our_own_words_are_no_drift(serving: Serving) -> None:
    decision = serving.engine.decide(Prompt(text="a Black doctor"))
    assert drift_of(decision, list(decision.texts), serving) == ()
