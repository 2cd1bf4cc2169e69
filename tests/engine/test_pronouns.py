"""Whose gender a pronoun states."""

from collections.abc import Callable

import pytest

WORDS = ("she", "her", "hers", "herself", "he", "his", "him", "himself")
STATED = [
    ("a doctor and her patient", {"doctor": {"her"}, "patient": set()}),
    ("a doctor and his nurse", {"doctor": {"his"}, "nurse": set()}),
    ("he is a nurse", {"nurse": {"he"}}),
    ("The doctor raises her hand", {"doctor": {"her"}}),
    ("a doctor. She smiles", {"doctor": {"She"}}),
    ("A DOCTOR AND HER PATIENT", {"DOCTOR": {"HER"}, "PATIENT": set()}),
    ("a king and his waiter", {"king": {"his"}, "waiter": set()}),
    ("a nurse and a king, he smiles", {"nurse": set(), "king": {"he"}}),
    ("a woman and a doctor, she smiles", {"woman": {"she"}, "doctor": set()}),
    ("a doctor and a nurse, she smiles", {"doctor": {"she"}, "nurse": {"she"}}),
    ("a doctor and his or her patient", {"doctor": set(), "patient": set()}),
    ("a doctor, he or she waves", {"doctor": set()}),
    ("a doctor and his/her patient", {"doctor": set(), "patient": set()}),
    ("doctors and her hat", {"doctors": set()}),
    ("a doctor and their patient", {"doctor": set(), "patient": set()}),
    ("a woman and his friend", {"woman": set(), "friend": set()}),
]


@pytest.mark.parametrize(("text", "wanted"), STATED)
def test_pronouns(
    closed_by: Callable[[str], dict[str, set[tuple[str, str, str]]]], text: str, wanted: dict[str, set[str]]
) -> None:
    found = closed_by(text)
    stated = {
        head: {words for axis, reason, words in closers if axis == "gender" and reason == "explicit" and words.lower() in WORDS}
        for head, closers in found.items()
    }
    assert stated == wanted


@pytest.mark.parametrize("text", ["a doctor and her patient", "a doctor. She smiles", "her, a doctor"])
def test_a_pronoun_leaves_ethnicity_open(open_axes: Callable[[str], dict[str, list[str]]], text: str) -> None:
    assert open_axes(text)["doctor"] == ["ethnicity"]
