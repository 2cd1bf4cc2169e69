"""Which words close which axis of whom: in the noun phrase, after it, by a copula, as a tag; and what stays apart."""

from collections.abc import Callable

import pytest

Closed = Callable[[str], dict[str, set[tuple[str, str, str]]]]
E, G = "ethnicity", "gender"


def both(reason: str, words: str) -> set[tuple[str, str, str]]:
    return {(E, reason, words), (G, reason, words)}


CLOSED: list[tuple[str, dict[str, set[tuple[str, str, str]]]]] = [
    ("a Black teacher talking with a student", {"teacher": {(E, "explicit", "Black")}, "student": set()}),
    ("an Asian man and a chef", {"man": {(E, "explicit", "Asian"), (G, "explicit", "man")}, "chef": set()}),
    ("an Asian chef and a white waiter", {"chef": {(E, "explicit", "Asian")}, "waiter": {(E, "explicit", "white")}}),
    ("a female doctor and a nurse", {"doctor": {(G, "explicit", "female")}, "nurse": set()}),
    ("a Latina engineer", {"engineer": both("explicit", "Latina")}),
    ("a diverse team", {"team": both("explicit", "diverse")}),
    ("a German engineer and a nurse", {"engineer": {(E, "nationality", "German")}, "nurse": set()}),
    ("three Spaniards", {"Spaniards": {(E, "nationality", "Spaniards")}}),
    ("a bearded chef and a dancer", {"chef": {(G, "cue", "bearded")}, "dancer": set()}),
    ("a chef with a beard", {"chef": {(G, "cue", "with a beard")}}),
    ("a blonde dancer", {"dancer": {(E, "cue", "blonde")}}),
    ("a student with pale skin", {"student": {(E, "cue", "pale skin")}}),
    ("a Muslim student", {"student": {(E, "religion", "Muslim")}}),
    ("a woman in hijab", {"woman": {(G, "explicit", "woman"), (E, "religion", "hijab")}}),
    ("a lazy worker and a teacher", {"worker": both("sensitive", "lazy"), "teacher": set()}),
    ("a thug and a waiter", {"thug": both("sensitive", "thug"), "waiter": set()}),
    ("a homeless person and a worker", {"person": both("sensitive", "homeless"), "worker": set()}),
    ("a dancer in a kimono", {"dancer": {(E, "culture", "kimono")}}),
    ("a king and a waiter", {"king": {(G, "role", "king")}, "waiter": set()}),
    ("a couple kissing", {"couple": {(G, "pair", "couple")}}),
    ("a family at dinner", {"family": {(G, "pair", "family")}}),
    ("a goddess", {"goddess": both("nonhuman", "goddess")}),
    ("Elon Musk talking to a waiter", {"Elon Musk": both("named", "Elon Musk"), "waiter": set()}),
    ("me as a firefighter", {"me": both("deictic", "me")}),
    ("my doctor beside a chef", {"doctor": both("deictic", "my"), "chef": set()}),
    ("people of all races", {"people": {(E, "explicit", "of all races")}}),
    ("a doctor of African descent", {"doctor": {(E, "explicit", "of African descent")}}),
    ("a doctor, exactly as written", {"doctor": both("user", "exactly as written")}),
    (
        "a doctor and a chef, exactly as written",
        {"doctor": both("user", "exactly as written"), "chef": both("user", "exactly as written")},
    ),
    ("a chef from Vietnam and a nurse", {"chef": {(E, "culture", "Vietnam")}, "nurse": set()}),
    ("both dancers are Asian", {"dancers": {(E, "explicit", "Asian")}}),
    ("a teacher who is black", {"teacher": {(E, "explicit", "black")}}),
    ("a doctor and a nurse, both black", {"doctor": {(E, "explicit", "black")}, "nurse": {(E, "explicit", "black")}}),
    ("a doctor and a nurse, both Korean", {"doctor": {(E, "nationality", "Korean")}, "nurse": {(E, "nationality", "Korean")}}),
    ("the doctor is black and the nurse is white", {"doctor": {(E, "explicit", "black")}, "nurse": {(E, "explicit", "white")}}),
    ("portrait, nurse, asian, female, smiling", {"nurse": {(E, "explicit", "asian"), (G, "explicit", "female")}}),
    ("nurse, park, smile, black", {"nurse": {(E, "explicit", "black")}}),
    ("girl, park, smile, 1girl", {"girl": {(G, "explicit", "girl"), (G, "explicit", "1girl")}}),
    (
        "firefighter, ladder \U0001f469\U0001f3fe\u200d\U0001f692",
        {"firefighter": both("explicit", "\U0001f469\U0001f3fe\u200d\U0001f692")},
    ),
    (
        "two people, a Ukrainian girl and a Nepalese monk",
        {"girl": {(E, "nationality", "Ukrainian"), (G, "explicit", "girl")}, "monk": {(E, "nationality", "Nepalese")}},
    ),
    ("a woman doctor", {"doctor": {(G, "explicit", "woman")}}),
    ("Serena Williams as a king", {"Serena Williams": both("named", "Serena Williams") | {(G, "role", "king")}}),
    ("A BLACK TEACHER AND A STUDENT", {"TEACHER": {(E, "explicit", "BLACK")}, "STUDENT": set()}),
    ("a bl\u00adack teacher", {"teacher": {(E, "explicit", "bl\u00adack")}}),
]


@pytest.mark.parametrize(("text", "wanted"), CLOSED)
def test_what_closes_which_axis(closed_by: Closed, text: str, wanted: dict[str, set[tuple[str, str, str]]]) -> None:
    assert closed_by(text) == wanted


OPEN = [
    ("a nurse in a white coat", "nurse"),
    ("a doctor with black hair", "doctor"),
    ("a black haired doctor", "doctor"),
    ("a black car and a doctor", "doctor"),
    ("a white hat, a doctor", "doctor"),
    ("a doctor and an Asian elephant", "doctor"),
    ("a dancer and a Persian cat", "dancer"),
    ("an Italian sausage and a nurse", "nurse"),
    ("Japanese anime of a nurse", "nurse"),
    ("a nurse, black and white photo", "nurse"),
    ("a nurse on Black Friday", "nurse"),
    ("a nurse beside a bearded dog", "nurse"),
    ("a teacher, art by Greg Rutkowski", "teacher"),
    ("a teacher in the style of a German comic", "teacher"),
    ("a doctor and no lazy people", "doctor"),
]


@pytest.mark.parametrize(("text", "head"), OPEN)
def test_what_describes_something_else_closes_nothing(closed_by: Closed, text: str, head: str) -> None:
    assert closed_by(text) == {head: set()}


def test_every_finding_names_its_rule(analysed: Callable[[str], object]) -> None:
    (subject,) = analysed("a Black teacher").subjects  # type: ignore[attr-defined]
    assert [(finding.rule, finding.states) for finding in subject.findings] == [("terms/black", {"ethnicity": "Black"})]
