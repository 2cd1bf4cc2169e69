"""Text without meaning: tokens, normal forms, splicing, articles, plurals, lists."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenhand.flow import Edit, Span
from evenhand.text import article, canonical, listed, normalize, plural, splice, tokenize

TOKENS = [
    ("a doctor", ["a", "doctor"]),
    ("the doctor's bag", ["the", "doctor", "'s", "bag"]),
    ("don't", ["don't"]),
    ("O\u2019Brien\u2019s", ["O\u2019Brien", "\u2019s"]),
    ("1girl, blue_eyes", ["1girl", ",", "blue", "eyes"]),
    ("spider-man", ["spider", "-", "man"]),
    ("(doctor:1.3)", ["(", "doctor", ":", "1", ".", "3", ")"]),
    ("\U0001f469\U0001f3fe\u200d\U0001f692!", ["\U0001f469\U0001f3fe\u200d\U0001f692", "!"]),
    ("caf\u00e9 cafe\u0301", ["caf\u00e9", "cafe\u0301"]),
    ("wo\u200bman", ["wo\u200bman"]),
    ("", []),
    (" \n\t", []),
]


@pytest.mark.parametrize(("text", "words"), TOKENS)
def test_tokens(text: str, words: list[str]) -> None:
    assert [text[span.start : span.end] for span in tokenize(text)] == words


@given(st.text())
def test_tokens_are_in_order_and_never_empty(text: str) -> None:
    spans = tokenize(text)
    assert all(span.start < span.end for span in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))


NORMAL = [
    ("Doctor", "doctor"),
    ("CAF\u00c9", "cafe"),
    ("wo\u200bman", "woman"),
    ("\uff24octor", "doctor"),
    ("Stra\u00dfe", "strasse"),
    ("don\u2019t", "don't"),
]


@pytest.mark.parametrize(("word", "wanted"), NORMAL)
def test_normalize(word: str, wanted: str) -> None:
    assert normalize(word) == wanted


@given(st.text(max_size=30))
def test_normalize_is_idempotent_for_what_it_gives_twice(word: str) -> None:
    once = normalize(normalize(word))
    assert normalize(once) == once


LINES = [
    ("a b", " a b "),
    ("spider - man", " spider man "),
    ("rock & roll", " rock & roll "),
    ("a, b (c)", " a | b | c | "),
    ("dr. who", " dr who "),
    ("don't", " dont "),
    ("", " "),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_canonical_line(text: str, line: str) -> None:
    assert canonical([normalize(text[span.start : span.end]) for span in tokenize(text)])[0] == line


def test_a_full_stop_is_kept_unless_it_shortens() -> None:
    words = ["dr", ".", "j", ".", "house", ".", "a"]
    assert canonical(words, abbreviations=frozenset({"dr"}))[0] == " dr j house | a "


def test_canonical_line_knows_its_words() -> None:
    line, starts, ends = canonical(["spider", "-", "man", ",", "x"])
    assert {line[at:].split()[0]: index for at, index in starts.items()} == {"spider": 0, "man": 2, "|": 3, "x": 4}
    assert ends[line.index("man") + 3] == 3


SPLICES = [
    ("a nurse", [Edit(Span(2, 2), "male ")], "a male nurse"),
    ("a nurse", [Edit(Span(2, 7), "man")], "a man"),
    ("a nurse", [Edit(Span(2, 2), "x "), Edit(Span(0, 1), "an"), Edit(Span(2, 2), "y ")], "an x y nurse"),
    ("a nurse", [], "a nurse"),
    ("", [Edit(Span(0, 0), "x")], "x"),
]


@pytest.mark.parametrize(("text", "edits", "wanted"), SPLICES)
def test_splice(text: str, edits: list[Edit], wanted: str) -> None:
    assert splice(text, edits) == wanted


AN = "engineer Asian hour honest heir umbrella FBI X-ray 80-year-old 11 18 unimportant urban Indian"
A = "doctor university user European one-legged UK uniform house white utensil Ukrainian"
ARTICLES = [*((word, "an") for word in AN.split()), *((word, "a") for word in A.split())]


@pytest.mark.parametrize(("word", "wanted"), ARTICLES)
def test_article(word: str, wanted: str) -> None:
    assert article(word) == wanted


PLURALS = [("doctor", "doctors"), ("boss", "bosses"), ("baby", "babies"), ("boy", "boys"), ("coach", "coaches")]


@pytest.mark.parametrize(("noun", "wanted"), PLURALS)
def test_plural(noun: str, wanted: str) -> None:
    assert plural(noun) == wanted


@pytest.mark.parametrize(("items", "wanted"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_listed(items: list[str], wanted: str) -> None:
    assert listed(items) == wanted


def test_listed_with_another_last_word() -> None:
    assert listed(["a", "b"], last="or") == "a or b"
