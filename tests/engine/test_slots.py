"""Where added words go: before the noun and its modifiers, after other adjectives, ethnicity before gender."""

from collections.abc import Callable

import pytest

from evenhand.engine import Engine
from evenhand.flow import Analysis, Prompt

SLOTS = [
    ("a doctor", "a |doctor"),
    ("doctor", "|doctor"),
    ("an old doctor", "an old |doctor"),
    ("a tired young ballet dancer", "a tired young |ballet dancer"),
    ("a young street vendor", "a young |street vendor"),
    ("a Black teacher", "a Black |teacher"),
    ("a tall, friendly doctor", "a tall, friendly |doctor"),
    ("a 30-year-old nurse", "a 30-year-old |nurse"),
    ("a smiling doctor", "a smiling |doctor"),
    ("a well-dressed doctor", "a well-dressed |doctor"),
    ("two doctors", "two |doctors"),
    ("the dog and its owner", "the dog and its |owner"),
    ("her patient", "her |patient"),
    ("(doctor:1.3)", "(|doctor:1.3)"),
    ("a crowd of doctors and a student", "a crowd of |doctors and a student"),
    ("a very tired doctor", "a very tired |doctor"),
    ("the best doctor", "the best |doctor"),
    ("a high school teacher", "a |high school teacher"),
    ("a drag-and-drop engineer", "a |drag-and-drop engineer"),
    ("a guitar-playing nurse", "a guitar-playing |nurse"),
    ("a medical student", "a |medical student"),
    ("nurse BREAK", "|nurse BREAK"),
    ("rain soaks doctors", "rain soaks |doctors"),
    ("a dozen nurses", "a dozen |nurses"),
    ("a tea\u200bcher", "a |tea\u200bcher"),
    ("\U0001f3a8 caf\u00e9 doctor, ART", "\U0001f3a8 |caf\u00e9 doctor, ART"),
]


@pytest.mark.parametrize(("text", "wanted"), SLOTS)
def test_gender_goes_next_to_the_noun(analysed: Callable[[str], Analysis], text: str, wanted: str) -> None:
    subject = analysed(text).subjects[0]
    at = subject.slots["gender"]
    assert f"{text[:at]}|{text[at:]}" == wanted


ETHNICITY = [
    ("a doctor", "a |doctor"),
    ("a female doctor", "a |female doctor"),
    ("an old female doctor", "an old |female doctor"),
    ("a woman doctor", "a |woman doctor"),
    ("a woman", "a |woman"),
    ("a bearded doctor", "a bearded |doctor"),
]


@pytest.mark.parametrize(("text", "wanted"), ETHNICITY)
def test_ethnicity_goes_before_gender(analysed: Callable[[str], Analysis], text: str, wanted: str) -> None:
    subject = analysed(text).subjects[0]
    at = subject.slots["ethnicity"]
    assert f"{text[:at]}|{text[at:]}" == wanted


RANGES = [
    ("tired young students", "|tired young students"),
    ("the ten best students", "the ten best |students"),
    ("tall, friendly students", "tall, friendly |students"),
    ("smiling young students", "smiling |young students"),
    ("a crowd of students", "a |crowd of students"),
    ("a huge crowd of tired students", "a huge |crowd of tired students"),
    ("students", "|students"),
    ("three tired students", "three tired |students"),
]


@pytest.mark.parametrize(("text", "wanted"), RANGES)
def test_words_for_a_range_go_first(analysed: Callable[[str], Analysis], text: str, wanted: str) -> None:
    subject = analysed(text).subjects[0]
    at = subject.slots["ethnicity"]
    assert f"{text[:at]}|{text[at:]}" == wanted


ARTICLES = [
    ("an engineer", "an"),
    ("An engineer", "An"),
    ("a female engineer", "a"),
    ("an old engineer", None),
    ("the engineer", None),
    ("engineer", None),
    ("two engineers", None),
    ("A ENGINEER", "A"),
]


@pytest.mark.parametrize(("text", "article"), ARTICLES)
def test_the_article_whose_form_hangs_on_the_added_word(
    analysed: Callable[[str], Analysis], text: str, article: str | None
) -> None:
    span = analysed(text).subjects[0].article
    assert (text[span.start : span.end] if span else None) == article


@pytest.mark.parametrize(
    "text",
    [
        "a doctor",
        "an old man teaching children",
        "a mother reading to two children",
        "an old ballet dancer and 3 chefs",
        "(nurse:1.2), [teacher|chef]",
        "A DOCTOR",
    ],
)
def test_slots_stand_at_the_start_of_a_word_and_after_the_subject_before(small_engine: Engine, text: str) -> None:
    before = 0
    for subject in small_engine.decide(Prompt(text=text)).plan.analysis.subjects:
        for at in subject.slots.values():
            assert before <= at <= subject.head.start
            assert at == 0 or not text[at - 1].isalnum()
        before = subject.head.end
