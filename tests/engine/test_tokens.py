"""Tokens keep their offsets whatever stands in the text; punctuation cuts segments and sentences."""

import pytest

from evenhand.engine.tokens import Tokens, read_tokens
from evenhand.flow import Span

WORDS = [
    ("A Doctor", ["a", "doctor"]),
    ("ALL CAPS NURSE", ["all", "caps", "nurse"]),
    ("blue_eyes, smile", ["blue", "eyes", ",", "smile"]),
    ("the doctor's bag", ["the", "doctor", "'s", "bag"]),
    ("the doctor\u2019s bag", ["the", "doctor", "'s", "bag"]),
    ("a caf\u00e9 owner", ["a", "cafe", "owner"]),
    ("a cafe\u0301 owner", ["a", "cafe", "owner"]),
    ("a tea\u00adcher", ["a", "teacher"]),
    ("a tea\u200bcher", ["a", "teacher"]),
    ("\ufeffnurse", ["nurse"]),
    ("\uff4e\uff55\uff52\uff53\uff45", ["nurse"]),
    ("a \U0001f469\U0001f3fe\u200d\U0001f692 waves", ["a", "\U0001f469\U0001f3fe\U0001f692", "waves"]),
    ("", []),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_words_are_normal_and_offsets_are_those_of_the_text(text: str, words: list[str]) -> None:
    tokens = read_tokens(text)
    assert [word for word in tokens.words if word] == words
    assert [tokens.raw(index) for index in range(len(tokens))] == [
        text[start:end] for start, end in zip(tokens.left, tokens.right, strict=True)
    ]
    assert "".join(tokens.raw(index) for index in range(len(tokens))) == "".join(text.split()).replace("_", "")


LINES = [
    ("Spider-Man", " spider man "),
    ("spider - man", " spider man "),
    ("SPIDER MAN", " spider man "),
    ("don't", " dont "),
    ("a nurse, a chef", " a nurse | a chef "),
    ("Dr. Who", " dr who "),
    ("J. Doe", " j doe "),
    ("a chef. a nurse", " a chef | a nurse "),
    (r"\(chainsaw man\)", " | chainsaw man | "),
    ("blue_eyes", " blue eyes "),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_the_line_phrases_are_looked_up_in(text: str, line: str) -> None:
    assert read_tokens(text, frozenset({"dr"})).line == line


STRETCHES = [
    ("a nurse, a chef", [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]),
    ("a nurse. a chef", [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]),
    ("nurse\nchef", [0, 1], [0, 1]),
    ("nurse BREAK chef", [0, 1, 1], [0, 1, 1]),
    ("1,940 nurses", [0, 0, 0, 0], [0, 0, 0, 0]),
    ("f/1.8 lens", [0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]),
    ("Dr. Who waves", [0, 0, 0, 0], [0, 0, 0, 0]),
    ("[nurse|chef]", [0, 1, 1, 2, 2], [0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("text", "segment", "sentence"), STRETCHES)
def test_segments_and_sentences(text: str, segment: list[int], sentence: list[int]) -> None:
    tokens = read_tokens(text, frozenset({"dr"}))
    assert (tokens.segment, tokens.sentence) == (segment, sentence)


AT = [
    ((0, 1), (0, 1)),
    ((2, 7), (1, 2)),
    ((3, 4), (1, 2)),
    ((0, 15), (0, 5)),
    ((7, 8), (2, 3)),
    ((1, 2), (1, 1)),
    ((99, 100), (5, 5)),
]


@pytest.mark.parametrize(("span", "range_"), AT)
def test_a_span_of_the_text_touches_tokens(span: tuple[int, int], range_: tuple[int, int]) -> None:
    assert read_tokens("a nurse, a chef").at(Span(*span)) == range_


def test_span_and_at_are_inverse() -> None:
    tokens = read_tokens("a tea\u200bcher \U0001f469\U0001f3fe\u200d\U0001f692 and a caf\u00e9 owner, NURSE")
    for first in range(len(tokens)):
        for last in range(first + 1, len(tokens) + 1):
            assert tokens.at(tokens.span(first, last)) == (first, last)


@pytest.fixture
def hyphened() -> Tokens:
    return read_tokens("a well - known chef, x")


def test_stepping_over_hyphens(hyphened: Tokens) -> None:
    assert hyphened.words[2] == "-"
    assert hyphened.after(2) == 3
    assert hyphened.before(2) == 1
    assert read_tokens("- a").before(0) == -1


def test_marks(hyphened: Tokens) -> None:
    assert [hyphened.is_mark(index) for index in range(len(hyphened) + 1)] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
        True,
    ]
