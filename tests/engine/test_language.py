"""Prompts in another language pass unchanged; English with a foreign word stays English."""

from collections.abc import Callable

import pytest

from evenhand.engine.language import language_of
from evenhand.engine.reading import Reading

LANGUAGES = [
    ("a doctor at work", "en"),
    ("doctor, smile, 8k", "en"),
    ("nurse", "en"),
    ("", "en"),
    ("12345 !!!", "en"),
    ("a chef making cr\u00e8me br\u00fbl\u00e9e \u00e0 la carte", "en"),
    ("a sign with \u6771\u4eac on it behind a tall nurse", "en"),
    ("ein Arzt und eine Krankenschwester in einem Krankenhaus", "und"),
    ("un m\u00e9decin dans une salle avec des enfants", "und"),
    ("una doctora con los ni\u00f1os en el parque", "und"),
    ("\u0432\u0440\u0430\u0447 \u0432 \u0431\u043e\u043b\u044c\u043d\u0438\u0446\u0435", "und"),
    ("\u533b\u8005\u3068\u60a3\u8005", "und"),
    ("\u0637\u0628\u064a\u0628 \u0641\u064a \u0627\u0644\u0645\u0633\u062a\u0634\u0641\u0649, photo", "und"),
]


@pytest.mark.parametrize(("text", "language"), LANGUAGES)
def test_language(read_text: Callable[[str], Reading], text: str, language: str) -> None:
    assert language_of(read_text(text)) == language
