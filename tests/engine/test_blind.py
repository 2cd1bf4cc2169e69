"""The model is asked about the same words, whoever the prompt says they are."""

from collections.abc import Sequence

import pytest

from evenhand.engine.blind import blind_labels
from evenhand.engine.reading import read
from evenhand.rules import Ruleset


class Listener:
    """Keeps what it is asked and calls every word a head."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def tags(self, words: Sequence[str]) -> list[str]:
        return ["HEAD"] * len(words)

    def read(self, words: Sequence[str]) -> list[tuple[str, float]]:
        self.heard = list(words)
        return [("HEAD", 0.9)] * len(words)


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("a teacher reads", "a teacher reads"),
        ("a Black teacher reads", "a teacher reads"),
        ("a South Asian female teacher reads", "a teacher reads"),
        ("an Irish teacher reads", "a teacher reads"),
        ("an engineer", "a engineer"),
        ("a diverse crowd", "a crowd"),
        ("two nurses, a Black woman and a white man, at a desk", "two nurses at a desk"),
        ("two nurses, one Black and one Korean, at a desk", "two nurses , one and one , at a desk"),
        ("a woman in a red coat", "a woman in a red coat"),
    ],
)
def test_what_the_model_hears(shipped: Ruleset, text: str, heard: str) -> None:
    listener = Listener()
    labels = blind_labels(read(text, shipped), listener)
    assert " ".join(listener.heard) == heard
    assert len(labels) == len(read(text, shipped).tokens)


def test_hidden_words_have_no_label(shipped: Ruleset) -> None:
    assert blind_labels(read("a Black nurse", shipped), Listener()) == [("HEAD", 0.9), ("", 0.0), ("HEAD", 0.9)]
