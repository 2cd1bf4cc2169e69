"""Whether the revised prompt shows somebody else, by the engine and by the words of the sets."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from evenhand.probe.drifting import Reader
from evenhand.probe.plan import Ask
from evenhand.probe.sets import SetFile, read_sets

CASES = [
    ("ethnicity", "white", "a white doctor", "a Black doctor smiling", ("ethnicity",)),
    ("ethnicity", "white", "a white doctor", "a white female doctor, smiling", ()),
    ("ethnicity", "white", "a white doctor", "a doctor in a corridor", ()),
    ("gender", "woman", "a female doctor", "a male doctor", ("gender",)),
    ("gender", "woman", "a female doctor", "an old woman, a doctor", ()),
    ("religion", "Hindu", "a Hindu doctor", "a Muslim doctor", ("religion",)),
    ("religion", "Hindu", "a Hindu doctor", "Hindu and Muslim doctors", ()),
    ("religion", "Hindu", "a Hindu doctor", "a doctor", ()),
    ("religion", "Jewish", "a Jewish doctor", "two CATHOLICS", ("religion",)),
    ("age", "old", "an elderly doctor", "a young doctor", ("age",)),
    ("age", "old", "an elderly doctor", "a 75-year-old doctor with a young nurse", ()),
    ("", "", "Elon Musk on a stage", "a tall man on a stage", ("named",)),
    ("", "", "a lake", "a lake at dawn", ()),
]


@pytest.fixture(scope="module")
def reader(reader_of: Callable[[SetFile], Reader]) -> Reader:
    return reader_of(read_sets())


@pytest.mark.parametrize(("axis", "value", "prompt", "revised", "drift"), CASES)
def test_drift(reader: Reader, axis: str, value: str, prompt: str, revised: str, drift: tuple[str, ...]) -> None:
    ask = Ask(key="", half="raw", set="", axis=axis, value=value, carrier="", prompt=prompt)
    assert reader.drift(ask, revised) == drift
    assert reader.drift(replace(ask, half="guarded"), revised) == drift


def test_endless_revised_prompts_are_cut(reader: Reader) -> None:
    ask = Ask(key="", half="raw", set="", axis="ethnicity", value="white", carrier="", prompt="a white doctor")
    assert reader.drift(ask, "a lake " * 100_000) == ()
