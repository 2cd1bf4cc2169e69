"""Stretches of a prompt that describe nobody."""

import pytest

from evenhand.engine.masks import find_masks

MASKS = [
    ("a doctor", []),
    ("a doctor <lora:nurse:0.8> at work", [("syntax", "<lora:nurse:0.8>")]),
    ("a doctor, embedding:nurse_v2 at work", [("syntax", "embedding:nurse_v2")]),
    ("a doctor --ar 16:9 --v 6", [("syntax", "--ar 16:9 --v 6")]),
    ("a doctor --no people", [("syntax", "--no people")]),
    ("a well-known doctor", []),
    ("two nurses -- one young -- at a desk", []),
    ("see https://x.org/nurse.png now", [("url", "https://x.org/nurse.png")]),
    ("www.nurses.com on a sign", [("url", "www.nurses.com")]),
    ("doctor.png beside a chef", [("url", "doctor.png")]),
    ("a chef. negative prompt: people, nurse", [("negative", "negative prompt: people, nurse")]),
    ('a sign that says "Nurse wanted"', [("quoted", '"Nurse wanted"')]),
    ("a sign saying \u201cNurse wanted\u201d, a chef", [("quoted", "\u201cNurse wanted\u201d")]),
    ("a sign saying 'Nurse wanted', a chef at work", [("quoted", "'Nurse wanted'")]),
    ("the doctor's bag and the nurse's hat", []),
    ("the nurses' room and the doctors' room", []),
    ('"a doctor at work"', []),
    ("'a doctor at work'", []),
]


@pytest.mark.parametrize(("text", "masked"), MASKS)
def test_masks(text: str, masked: list[tuple[str, str]]) -> None:
    assert [(mask.kind, text[mask.span.start : mask.span.end]) for mask in find_masks(text)] == masked
